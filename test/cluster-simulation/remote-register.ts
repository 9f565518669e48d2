import { type Node, Process, type Upid, upid } from '@mesos-ts/process';
import type { Observation, OpenRegister, Reading, RegisterListener } from '@mesos-ts/zk-election';
import {
  ReadRegister,
  RegisterChanged,
  registerServerId,
  registerWatcherId,
  WriteRegister,
} from './register-server.js';

/** How long an answer is waited for, in ms. */
const answerMs = 2_000;

/** The register as one Node reaches it: requests, answers and news of changes may all be lost on the way. */
export class RemoteRegister {
  readonly #node: Node;
  readonly #server: Upid;
  readonly #listeners = new Set<RegisterListener>();

  /** @param machine where the server runs. */
  constructor(node: Node, machine: string) {
    this.#node = node;
    this.#server = upid(registerServerId, machine);
    node.spawn(new Watcher((observation) => this.#changed(observation)));
  }

  readonly open: OpenRegister = async (listener) => {
    this.#listeners.add(listener);
    return {
      read: async () => (await this.#node.ask(this.#server, ReadRegister, {}, { deadlineMs: answerMs })) as Reading,
      write: async (record, expectedSeq) => {
        const written = { record, expectedSeq };
        const { seq } = await this.#node.ask(this.#server, WriteRegister, written, { deadlineMs: answerMs });
        return seq < 0 ? { type: 'conflict' } : { type: 'acknowledged', seq };
      },
      close: async () => {
        this.#listeners.delete(listener);
      },
    };
  };

  #changed(observation: Observation): void {
    for (const listener of this.#listeners) listener.changed(observation);
  }
}

class Watcher extends Process {
  constructor(private readonly changed: (observation: Observation) => void) {
    super(registerWatcherId);
  }

  protected override initialize(): void {
    this.install(RegisterChanged, (_from, { seq, value }) =>
      this.changed({ seq, value: value as Observation['value'] }),
    );
  }
}
