import { message, Process, parseUpid, upid } from '@mesos-ts/process';
import type { Storage } from '@mesos-ts/process/testing';
import type { LeaseRecord, Reading } from '@mesos-ts/zk-election';
import { Type } from '@sinclair/typebox';

/** Answered with the present content; whoever reads is told of changes from then on. */
export const ReadRegister = message(
  'ReadRegister',
  {},
  {
    reply: message('RegisterReading', {
      stream: Type.String(),
      seq: Type.Integer(),
      value: Type.Unknown(),
    }),
  },
);

/** Compare-and-set on the number of the last write; answered with the new number, or -1 where that was another. */
export const WriteRegister = message(
  'WriteRegister',
  { record: Type.Unknown(), expectedSeq: Type.Integer() },
  { reply: message('RegisterWritten', { seq: Type.Integer() }) },
);

/** Sent once, to every Node that has read since the server started. */
export const RegisterChanged = message('RegisterChanged', { seq: Type.Integer(), value: Type.Unknown() });

export const registerServerId = 'register';
export const registerWatcherId = 'register-watch';

/** The register of the election, on a disk that outlives crashes; those who watch it are forgotten at each restart. */
export class RegisterServer extends Process {
  readonly #storage: Storage;
  readonly #watchers = new Set<string>();
  #reading: Reading;

  constructor(storage: Storage) {
    super(registerServerId);
    this.#storage = storage;
    this.#reading = (storage.get('register') ?? { stream: '1', seq: 0, value: { type: 'empty' } }) as Reading;
  }

  protected override initialize(): void {
    this.install(ReadRegister, (from) => {
      this.#watchers.add(parseUpid(from).node);
      this.reply(ReadRegister.replyType, this.#reading);
    });
    this.install(WriteRegister, (_from, { record, expectedSeq }) => {
      const taken = expectedSeq === this.#reading.seq;
      if (taken) this.#put(record as LeaseRecord);
      this.reply(WriteRegister.replyType, { seq: taken ? this.#reading.seq : -1 });
    });
  }

  #put(record: LeaseRecord): void {
    this.#reading = { ...this.#reading, seq: this.#reading.seq + 1, value: { type: 'record', record } };
    this.#storage.put('register', this.#reading);
    const { seq, value } = this.#reading;
    for (const node of this.#watchers) this.send(upid(registerWatcherId, node), RegisterChanged, { seq, value });
  }
}
