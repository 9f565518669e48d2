import { Node, type NodeOptions, type Upid } from '@mesos-ts/process';
import type { MasterAddress, MasterInfo } from '@mesos-ts/protocol';
import type { Contender, Detector, Leadership } from '@mesos-ts/zk-election';
import { Candidate } from './candidate.js';
import { type MasterHealth, MasterHttp, type MasterHttpOptions } from './master-http.js';
import type { MasterOptions } from './master-options.js';
import type { Registrar } from './registry/registrar.js';

export interface RunMasterOptions extends MasterOptions {
  /** Makes the master one candidate of the election. Closed when the master stops. */
  readonly contender: Contender;
  /**
   * Opens the registry; called at every election won. Each registrar is closed when its leadership is over. Default: in the
   * memory of this leadership, so that the next one knows of nothing.
   */
  readonly registrar?: () => Registrar;
  /** Tells who leads, for those who ask this master. Closed when the master stops. Default: it knows only of itself. */
  readonly detector?: Detector;
  readonly hostname: string;
  /** End, with {@link SteppedDown}, when leadership is lost, as the original does, instead of standing by again. */
  readonly exitOnStepDown?: boolean;
  /** Told once it is a candidate, for the first time: nothing that would end a start is in its way any more. */
  readonly onStandby?: (master: MasterInfo) => void;
  /** Told when it leads, elected and with the registry read, and of every leadership lost with the reason. */
  readonly onLeading?: (leadership: Leadership) => void;
  readonly onLost?: (why: string) => void;
}

export interface StartMasterOptions extends RunMasterOptions {
  /** The Node of the master: its name, transports, clock and the like. */
  readonly node: NodeOptions;
  /** Where to answer HTTP. Default: nowhere. */
  readonly http?: MasterHttpOptions;
}

/** A master that stands by or leads, until it is stopped. */
export interface RunningMaster {
  readonly node: Node;
  /** Where the master answers, whoever leads. */
  readonly pid: Upid;
  /** Where it answers HTTP, if it does. */
  readonly address: MasterAddress | undefined;
  readonly health: MasterHealth;
  /** Resolves when it has stopped; rejects when it can no longer be a candidate, or steps down and is to end then. */
  readonly ended: Promise<void>;
  /** Resigns, if it leads, and ends. */
  stop(): Promise<void>;
}

/**
 * Starts a master. It stands by until it is elected and has read the registry; when it loses leadership, or has to give it
 * up, a master with empty books stands by in its place, under the same PID. Those who were linked to the old one are told
 * that it ended.
 *
 * @throws {HttpAddressUnusable} where HTTP cannot be answered; nothing goes on then.
 */
export async function startMaster(options: StartMasterOptions): Promise<RunningMaster> {
  const node = await Node.start(options.node);
  if (options.http === undefined) return runMaster(node, options);
  let running: RunningMaster | undefined;
  try {
    const { hostname } = options;
    const http = await MasterHttp.start({ ...options.http, hostname, log: node.log }, () => running?.health);
    running = runMaster(node, options, http);
    return running;
  } catch (error) {
    await Promise.all([node.stop(), options.contender.close(), options.detector?.close()]);
    throw error;
  }
}

/** As {@link startMaster}, on a Node that is there already. Its end stops that Node, and closes what answers HTTP for it. */
export function runMaster(node: Node, options: RunMasterOptions, http?: MasterHttp): RunningMaster {
  const candidate = new Candidate(node, options, http);
  const ended = candidate.run();
  ended.catch(() => undefined); // whoever waits for it is told; nobody has to
  return {
    node,
    pid: candidate.pid,
    address: http?.address,
    get health() {
      return candidate.health;
    },
    ended,
    stop: () => candidate.stop(),
  };
}
