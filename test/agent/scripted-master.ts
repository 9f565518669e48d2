import { type AnyMessageType, type BodyOf, Process, type Upid } from '@mesos-ts/process';
import {
  ExecutorToFramework,
  ExitedExecutor,
  PongSlave,
  RegisterSlave,
  ReregisterSlave,
  type SlaveId,
  SlaveRegistered,
  SlaveReregistered,
  StaleLeader,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  UnregisterSlave,
  UpdateSlave,
  type WithoutEpoch,
} from '@mesos-ts/protocol';

interface Waiter {
  readonly name: string;
  readonly take: (message: Seen) => boolean;
}

interface Seen {
  readonly from: Upid;
  readonly name: string;
  readonly body: unknown;
}

/** A bound on failure alone, in ms. */
const patienceMs = 20_000;

/** A master that answers registrations, if it is to, and keeps all else that it hears until a test asks for it. */
export class ScriptedMaster extends Process {
  /** Whether registrations are answered. */
  answering = true;
  epoch = 1;
  totalPingTimeoutMs = 60_000;
  expectedAgents = 0;
  slaveId = 'M-S0' as SlaveId;
  reconciliations: BodyOf<typeof SlaveReregistered>['reconciliations'] = [];
  #seen: Seen[] = [];
  #waiters: Waiter[] = [];

  /** Sends in this master's name, with its epoch unless the body has one. */
  say<M extends AnyMessageType>(to: Upid, type: M, body: WithoutEpoch<M>): void {
    this.send(to, type, { epoch: this.epoch, ...body } as unknown as BodyOf<M>);
  }

  /** As {@link say}, as an event of this process. */
  sayTo<M extends AnyMessageType>(to: Upid, type: M, body: WithoutEpoch<M>): Promise<void> {
    return this.dispatch(() => this.say(to, type, body));
  }

  /** The first message of that type, heard already or yet to be, that nobody has asked for and that matches. */
  async next<M extends AnyMessageType>(
    type: M,
    matches: (body: BodyOf<M>) => boolean = () => true,
  ): Promise<{ readonly from: Upid; readonly body: BodyOf<M> }> {
    const fits = (seen: Seen) => seen.name === type.name && matches(seen.body as BodyOf<M>);
    const index = this.#seen.findIndex(fits);
    if (index >= 0) return this.#seen.splice(index, 1)[0] as Seen as { from: Upid; body: BodyOf<M> };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(
              `${this.id} waited in vain for ${type.name}; it heard and kept: ${this.#seen.map(shown).join('\n')}`,
            ),
          ),
        patienceMs,
      );
      this.#waiters.push({
        name: type.name,
        take: (seen) => {
          if (!fits(seen)) return false;
          clearTimeout(timer);
          resolve(seen as { from: Upid; body: BodyOf<M> });
          return true;
        },
      });
    });
  }

  /** How many messages of that type nobody has asked for. */
  heard(type: AnyMessageType): number {
    return this.#seen.filter(({ name }) => name === type.name).length;
  }

  acknowledge(to: Upid, { frameworkId, status }: BodyOf<typeof StatusUpdate>): void {
    const { taskId, uuid = '' } = status;
    this.say(to, StatusUpdateAcknowledgement, { slaveId: this.slaveId, frameworkId, taskId, uuid });
  }

  protected override initialize(): void {
    const others = [StatusUpdate, ExitedExecutor, ExecutorToFramework, UnregisterSlave, PongSlave, StaleLeader];
    for (const type of [...others, UpdateSlave])
      this.install(type as AnyMessageType, (from, body) => this.#hear({ from, name: type.name, body }));
    this.install(RegisterSlave, (from, body) => {
      this.#hear({ from, name: RegisterSlave.name, body });
      const { slaveId, totalPingTimeoutMs, expectedAgents } = this;
      if (this.answering) this.say(from, SlaveRegistered, { slaveId, totalPingTimeoutMs, expectedAgents });
    });
    this.install(ReregisterSlave, (from, body) => {
      this.#hear({ from, name: ReregisterSlave.name, body });
      const { slaveId, totalPingTimeoutMs, expectedAgents, reconciliations } = this;
      if (this.answering)
        this.say(from, SlaveReregistered, { slaveId, totalPingTimeoutMs, expectedAgents, reconciliations });
    });
  }

  #hear(seen: Seen): void {
    const waiter = this.#waiters.find(({ take }) => take(seen));
    if (waiter === undefined) this.#seen.push(seen);
    else this.#waiters = this.#waiters.filter((other) => other !== waiter);
  }
}

function shown({ name, body }: Seen): string {
  const text = JSON.stringify(body, (key, value) =>
    key === 'data' ? Buffer.from(value.data ?? value).toString() : value,
  );
  return `${name} ${text.slice(0, 500)}`;
}
