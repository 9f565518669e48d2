import type { Upid } from '@mesos-ts/process';
import type { MasterInfo } from '@mesos-ts/protocol';

/** Who leads, as a detector knows it. */
export interface Leader {
  /** Where the leading master answers. Its incarnation is open where the leader was only named by an address. */
  readonly pid: Upid;
  /**
   * Grows with every change of hands, so that what an older leader says can be told and refused. Always 1 in a
   * standalone cluster, which has nobody to take over from.
   */
  readonly epoch: number;
  /** What the leader said of itself; absent where it was only named by an address. */
  readonly info?: MasterInfo;
  /** Whom it follows; absent where the detector saw no leader before this one. */
  readonly after?: Predecessor;
}

/** The leader before, as a detector saw the change of hands. */
export interface Predecessor {
  readonly pid: Upid;
  readonly epoch: number;
  /** From the last sign of it, such as a renewal, to the first of its successor, in ms by the detector's clock. */
  readonly silentMs: number;
}

/** What a registration says of the leader that it is for: nothing where that was only named by an address. */
export function addressedTo({ epoch, info }: Leader): { readonly leaderEpoch?: number } {
  return info === undefined ? {} : { leaderEpoch: epoch };
}

/** Whether both are the same leadership of the same master, or both are nobody. */
export function sameLeader(one: Leader | undefined, other: Leader | undefined): boolean {
  return one?.pid === other?.pid && one?.epoch === other?.epoch;
}

/** Leadership while it lasts; there is one for each time that a contender is elected. */
export interface Leadership {
  readonly epoch: number;
  /**
   * Resolves once, with the reason in words, when leadership is over: it ran out, somebody else holds it, or it was
   * resigned. Never rejects. It may resolve late (a blocked event loop, a suspended machine): ask {@link isValid}
   * before each act that others can see.
   */
  readonly lost: Promise<string>;
  /**
   * Whether it is certain, right now and by our own clock, that nobody else leads. To be asked before each act that
   * others can see: it turns false by the mere passing of time, and nothing has to happen for that in this OS process.
   * It is false, too, while the election is cut off from its server, and may be true again afterwards.
   */
  isValid(): boolean;
}

/** One candidate of an election. Mirrors `MasterContender` (Mesos facts 6.1). */
export interface Contender {
  /**
   * Enters the contest with `info`; resolves once this candidate leads, which may take for ever. Contending again after
   * leadership was lost is allowed.
   *
   * @param onEntered called as soon as the contest is entered, before this candidate leads: whatever is wrong with the
   * address, the server or the credentials would have been told by then.
   * @throws {AlreadyContending} while it contends or leads.
   * @throws {ElectionClosed} when {@link close} comes first.
   * @throws {ElectionError} one of the others where the contest cannot be entered at all. Contending again tries anew,
   * except after {@link NatsConnectionEnded}.
   */
  contend(info: MasterInfo, onEntered?: () => void): Promise<Leadership>;
  /**
   * Tells of an epoch learned elsewhere, such as from a process that refused ours as too old: whatever this candidate
   * acquires from now on is higher. Does not change the epoch of a leadership that it already holds.
   */
  heard(epoch: number): void;
  /**
   * Gives up the leadership that is held, so that another may take over at once: it is lost, as `resigned`, before this
   * returns, and the promise resolves once the others can know, or after a part of the lease when they cannot be told.
   * Contending again is allowed at once. Does nothing where no leadership is held. Never rejects.
   */
  resign(): Promise<void>;
  /** Withdraws, or resigns leadership so that another takes over at once, and releases the connection. Never rejects. */
  close(): Promise<void>;
}

/** Tells who leads. Mirrors `MasterDetector` (Mesos facts 6.1). */
export interface Detector {
  /**
   * Resolves at once when the leader differs from `previous`, else at the next change. `undefined` means that nobody
   * leads, as far as can be seen from here: a detector that is cut off says so too, once a leader that it cannot see
   * may have been replaced.
   *
   * @throws {ElectionClosed} when {@link close} comes first.
   * @throws {ElectionError} one of the others where nothing can be detected. Calling again tries anew, except after
   * {@link NatsConnectionEnded}.
   */
  detect(previous?: Leader): Promise<Leader | undefined>;
  /** Releases the connection. Never rejects. */
  close(): Promise<void>;
}
