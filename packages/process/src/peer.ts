import type { Asks } from './asks.js';
import type { Assembly } from './assembly.js';
import type { Cell } from './cell.js';
import type { Clock, Timer } from './clock.js';
import type { Counters } from './counters.js';
import type { Envelope } from './frame.js';
import { type Abilities, noAbilities } from './hello.js';
import { LargeMessages } from './large-message.js';
import type { RuntimeEvents } from './runtime-events.js';
import type { Transport } from './transport.js';
import type { Upid } from './upid.js';

/** What this Node knows and awaits of another. */
export interface Peer {
  readonly name: string;
  transport: Transport;
  /** Of the incarnation that we last heard from; empty before. */
  incarnation: string;
  /** Whose message of that incarnation came last. */
  speaker: { readonly id: string; readonly pid: Upid } | undefined;
  /** What that incarnation said that it can do. */
  abilities: Abilities;
  /** Whether it said so; undefined as long as it may still do. */
  greeted: boolean | undefined;
  /** It said that it reads no layout that we write: nothing is sent there but, from time to time, a look who is there now. */
  incompatible: boolean;
  /** When it was last looked for because something for it was refused. */
  knockedAt: number;
  /** The session and the next sequence number of the frames from there. */
  session: number;
  nextIn: number;
  readonly assembly: Assembly;
  /** The same of the frames to there. */
  sessionOut: number;
  nextOut: number;
  outbox: Envelope[];
  readonly large: LargeMessages;
  /** Which of our processes are to be told of the end of which process there. */
  readonly links: Map<Upid, Set<Cell>>;
  /** Of those links, the ones that may not be known there, or that missed a message, since it could not leave. */
  readonly doubtful: Set<Upid>;
  /** We forgot links of its processes to ours, and it does not know yet. */
  owesLost: boolean;
  probe: Timer | undefined;
  heardSinceProbe: boolean;
  /** Probes in a row since it was heard. */
  unanswered: number;
  /** Since when nobody is there to take what we send. */
  absentSince: number | undefined;
  /** The server says that its connection has ended, and nothing was heard from it since. */
  suspected: boolean;
  /** Given up, and not heard from since. */
  gone: boolean;
}

/** What the rooms behind {@link Peers} share. */
export interface PeersContext {
  readonly name: string;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly events: RuntimeEvents;
  readonly asks: Asks;
}

export function newPeer(
  name: string,
  transport: Transport,
  sessionOut: number,
  assembly: Assembly,
  clock: Clock,
): Peer {
  return {
    name,
    transport,
    incarnation: '',
    speaker: undefined,
    abilities: noAbilities,
    greeted: undefined,
    incompatible: false,
    knockedAt: Number.NEGATIVE_INFINITY,
    session: -1,
    nextIn: 0,
    assembly,
    sessionOut,
    nextOut: 0,
    outbox: [],
    large: new LargeMessages(clock),
    links: new Map(),
    doubtful: new Set(),
    owesLost: false,
    probe: undefined,
    heardSinceProbe: false,
    unanswered: 0,
    absentSince: undefined,
    suspected: false,
    gone: false,
  };
}

/** An envelope from Node to Node, that no process sees. */
export function toNode(kind: Envelope[0], peer: Peer, body?: unknown): Envelope {
  return [kind, '', peer.incarnation, '', '', body, 0];
}
