import type { Clock } from '@mesos-ts/process';
import type { MasterInfo } from '@mesos-ts/protocol';
import { type Logger, pino } from 'pino';
import { match } from 'ts-pattern';
import { Alarm } from './alarm.js';
import type { Contender, Leadership } from './election.js';
import { AlreadyContending, ElectionClosed, type ElectionError } from './errors.js';
import { HeldLeadership } from './held-leadership.js';
import {
  ZookeeperCandidate,
  type ZookeeperCandidateEffect,
  type ZookeeperCandidateInput,
} from './zookeeper-candidate.js';
import { faultOf, type ZookeeperConnection } from './zookeeper-connection.js';
import { encodeMember, memberPrefix, readMember } from './zookeeper-member.js';
import { candidatePingPart, type OverZookeeperOptions, ZookeeperSessions } from './zookeeper-sessions.js';

interface Pending {
  resolve(leadership: Leadership): void;
  reject(error: ElectionError): void;
}

type Task = Extract<ZookeeperCandidateInput, { type: 'failed' }>['what'];

/** A candidate over ZooKeeper, laid out as the original's; carries out what {@link ZookeeperCandidate} decides. */
export class ZookeeperContender implements Contender {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #path: string;
  readonly #sessions: ZookeeperSessions;
  readonly #candidate = new ZookeeperCandidate();
  readonly #alarm: Alarm;
  #info: MasterInfo | undefined;
  #onEntered: (() => void) | undefined;
  #pending: Pending | undefined;
  #leadership: HeldLeadership | undefined;
  #closed = false;

  constructor(options: OverZookeeperOptions) {
    const log = options.log ?? pino({ level: 'silent' });
    this.#clock = options.clock;
    this.#alarm = new Alarm(options.clock, () => this.#step({ type: 'tick' }));
    this.#log = log;
    this.#path = options.address.path;
    this.#sessions = new ZookeeperSessions({ ...options, log }, candidatePingPart);
  }

  contend(info: MasterInfo, onEntered?: () => void): Promise<Leadership> {
    if (this.#closed) return Promise.reject(new ElectionClosed('contender'));
    if (this.#pending !== undefined || this.#leadership !== undefined) return Promise.reject(new AlreadyContending());
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#info = info;
      this.#onEntered = onEntered;
      this.#sessions.load().then(
        () => this.#closed || this.#step({ type: 'contend' }),
        (error) => this.#refuse(error),
      );
    });
  }

  heard(epoch: number): void {
    this.#step({ type: 'heard', epoch });
  }

  async resign(): Promise<void> {
    if (this.#leadership === undefined) return;
    this.#step({ type: 'withdraw', why: 'resigned' });
    await this.#sessions.ended();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#refuse(new ElectionClosed('contender'));
    this.#step({ type: 'withdraw', why: 'resigned' });
    await this.#sessions.ended();
  }

  #refuse(error: ElectionError): void {
    this.#pending?.reject(error);
    this.#pending = undefined;
  }

  #step(input: Unstamped): void {
    const now = this.#clock.now();
    for (const effect of this.#candidate.step({ ...input, now })) this.#carryOut(effect);
    this.#alarm.set(this.#candidate.wakeAt);
  }

  #carryOut(effect: ZookeeperCandidateEffect): void {
    match(effect)
      .with({ type: 'openSession' }, () => this.#open())
      .with({ type: 'endSession' }, () => this.#sessions.end())
      .with({ type: 'create' }, () => this.#create())
      .with({ type: 'list' }, () => this.#list())
      .with({ type: 'look' }, ({ name }) => this.#look(name))
      .with({ type: 'stamp' }, ({ name, epoch }) => this.#stamp(name, epoch))
      .with({ type: 'elected' }, ({ epoch, validUntil }) => this.#elected(epoch, validUntil))
      .with({ type: 'renewed' }, ({ validUntil }) => this.#leadership?.prolong(validUntil))
      .with({ type: 'lost' }, ({ epoch, why }) => this.#lost(epoch, why))
      .with({ type: 'refused' }, (refusal) => this.#refuse(this.#sessions.refusal(refusal)))
      .with({ type: 'warn' }, ({ text }) => this.#log.warn(text))
      .exhaustive();
  }

  #open(): void {
    this.#sessions.open({
      up: (timeoutMs) => this.#step({ type: 'up', timeoutMs }),
      down: () => this.#step({ type: 'down' }),
      over: (why) => this.#step({ type: 'over', why }),
    });
  }

  #create(): void {
    const data = encodeMember(this.#info as MasterInfo);
    this.#do(
      'create',
      async (connection) => {
        await makePath(connection, this.#path);
        return connection.makeMember(`${this.#path}/${memberPrefix}`, data);
      },
      (path) => {
        this.#onEntered?.();
        this.#onEntered = undefined;
        return { type: 'created', name: path.slice(this.#path.length + 1) };
      },
    );
  }

  #list(): void {
    const changed = this.#sessions.inThisSession(() => this.#step({ type: 'changed' }));
    this.#do(
      'list',
      (connection) => connection.children(this.#path, changed),
      (names) => ({ type: 'listed', names }),
    );
  }

  #look(name: string): void {
    this.#do(
      'look',
      (connection) => readMember(connection, this.#path, name),
      (member) => ({ type: 'looked', name, member }),
    );
  }

  #stamp(name: string, epoch: number | undefined): void {
    const data = encodeMember(this.#info as MasterInfo, epoch);
    this.#do(
      'stamp',
      (connection) => connection.set(`${this.#path}/${name}`, data),
      (czxid, provenAt) => ({ type: 'stamped', provenAt, czxid }),
    );
  }

  #do<T>(
    what: Task,
    ask: (connection: ZookeeperConnection) => Promise<T>,
    input: (value: T, provenAt: number) => Unstamped,
  ): void {
    this.#sessions.request(
      ask,
      (value, provenAt) => this.#step(input(value, provenAt)),
      (fault, why) => this.#step({ type: 'failed', what, fault, why }),
    );
  }

  #elected(epoch: number, validUntil: number): void {
    this.#log.info({ epoch }, 'elected');
    this.#leadership = new HeldLeadership(epoch, validUntil, this.#clock);
    this.#pending?.resolve(this.#leadership);
    this.#pending = undefined;
  }

  #lost(epoch: number, why: string): void {
    this.#log.info({ epoch, why }, 'leadership is over');
    this.#leadership?.end(why);
    this.#leadership = undefined;
  }
}

type Unstamped = ZookeeperCandidateInput extends infer I ? (I extends unknown ? Omit<I, 'now'> : never) : never;

/** Makes the node and those above it, as far as they are not there. */
async function makePath(connection: ZookeeperConnection, path: string): Promise<void> {
  if (await connection.exists(path)) return;
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const folder = end < 0 ? path : path.slice(0, end);
    if (!(await connection.exists(folder))) await connection.makeFolder(folder).catch(fineIfThere);
    if (end < 0) return;
  }
}

function fineIfThere(error: unknown): void {
  if (faultOf(error) !== 'nodeExists') throw error;
}
