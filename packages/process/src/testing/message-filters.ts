import type { FrameFilter } from '../memory-transport.js';
import type { AnyMessageType, BodyOf } from '../message.js';
import { type MessageOnWire, messagesOf, withoutMessages } from './frame-view.js';

/** Which messages of a type are meant. What is left out does not matter. */
export interface Where<M extends AnyMessageType> {
  /** The sending process: a whole UPID, one without its incarnation (`slave(1)@a1`), or only the Node (`@a1`). */
  readonly from?: string;
  /** The same of the receiving one. */
  readonly to?: string;
  readonly body?: (body: BodyOf<M>) => boolean;
}

/** A message that a filter saw. */
export interface SeenMessage<M extends AnyMessageType> extends MessageOnWire {
  readonly body: BodyOf<M>;
}

/** What {@link MessageFilters.hold} gives: the message, once it comes, and what becomes of it. */
export interface HeldMessage<M extends AnyMessageType> {
  /** Resolves when it was caught. */
  readonly caught: Promise<SeenMessage<M>>;
  /** Lets it go on, and after it all that waited behind it. Before it was caught: catches nothing any more. */
  release(): void;
  /** Loses it, and lets go on what waited behind it. */
  drop(): void;
}

/** What {@link MessageFilters.drop} gives. */
export interface Dropping<M extends AnyMessageType> {
  /** What was dropped so far. */
  readonly dropped: readonly SeenMessage<M>[];
  /** Resolves when the first is dropped. */
  readonly first: Promise<SeenMessage<M>>;
  stop(): void;
}

/** Decides about one message: `undefined` when it is none of its business. */
interface Rule {
  judge(message: MessageOnWire): 'seen' | 'drop' | 'hold' | undefined;
}

/** Frames of one pair of Nodes that wait behind a held message. */
interface Queue {
  readonly rule: Rule;
  readonly frames: { bytes: Uint8Array; readonly deliver: (bytes: Uint8Array) => void }[];
}

/**
 * Awaits, holds and loses single messages between Nodes, right before they reach the receiving one. Mirrors
 * `FUTURE_MESSAGE` and `DROP_MESSAGE` of libprocess (Mesos facts 1.7). Messages within one Node are not seen.
 *
 * A lost message leaves no gap in the numbers, so no link breaks: that is for losing a connection. A held message holds
 * up all that follows it from that Node to that Node, because the order between two processes is a promise.
 */
export class MessageFilters implements FrameFilter {
  readonly #rules = new Set<Rule>();
  readonly #queues = new Map<string, Queue>();

  /** Resolves with the next message of that type; arm it before what triggers the message. */
  next<M extends AnyMessageType>(type: M, where: Where<M> = {}): Promise<SeenMessage<M>> {
    return new Promise((resolve) => {
      const rule: Rule = {
        judge: (message) => {
          if (!matches(message, type, where)) return undefined;
          this.#rules.delete(rule);
          resolve(message);
          return 'seen';
        },
      };
      this.#rules.add(rule);
    });
  }

  /** Catches the next message of that type. */
  hold<M extends AnyMessageType>(type: M, where: Where<M> = {}): HeldMessage<M> {
    let caughtAs: MessageOnWire | undefined;
    let resolve: (message: SeenMessage<M>) => void;
    const caught = new Promise<SeenMessage<M>>((settle) => {
      resolve = settle;
    });
    const rule: Rule = {
      judge: (message) => {
        if (!matches(message, type, where)) return undefined;
        this.#rules.delete(rule);
        caughtAs = message;
        resolve(message);
        return 'hold';
      },
    };
    this.#rules.add(rule);
    return {
      caught,
      release: () => this.#release(rule, undefined),
      drop: () => this.#release(rule, caughtAs),
    };
  }

  /** Loses messages of that type. @param times how many at most; default: all, until `stop`. */
  drop<M extends AnyMessageType>(
    type: M,
    where: Where<M> = {},
    { times = Number.POSITIVE_INFINITY }: { readonly times?: number } = {},
  ): Dropping<M> {
    const dropped: SeenMessage<M>[] = [];
    let resolve: (message: SeenMessage<M>) => void;
    const first = new Promise<SeenMessage<M>>((settle) => {
      resolve = settle;
    });
    const rule: Rule = {
      judge: (message) => {
        if (!matches(message, type, where)) return undefined;
        dropped.push(message);
        if (dropped.length >= times) this.#rules.delete(rule);
        resolve(message);
        return 'drop';
      },
    };
    this.#rules.add(rule);
    return { dropped, first, stop: () => this.#rules.delete(rule) };
  }

  /** Forgets every rule and lets go on what is held. */
  clear(): void {
    this.#rules.clear();
    for (const { rule } of [...this.#queues.values()]) this.#release(rule, undefined);
  }

  /** @internal For the network: whether a frame goes on now, and as what. What is held is delivered later. */
  pass(from: string, to: string, bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): Uint8Array | undefined {
    const waiting = this.#queues.get(`${from} ${to}`);
    if (waiting !== undefined) {
      waiting.frames.push({ bytes, deliver });
      return undefined;
    }
    return this.#rules.size === 0 ? bytes : this.#judge(from, to, bytes, deliver);
  }

  #judge(from: string, to: string, bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): Uint8Array | undefined {
    const lost = new Set<number>();
    for (const [place, message] of (messagesOf(bytes, from, to) ?? []).entries())
      for (const rule of [...this.#rules]) {
        const verdict = rule.judge(message);
        if (verdict === 'drop') lost.add(place);
        if (verdict === 'hold') {
          this.#queues.set(`${from} ${to}`, { rule, frames: [{ bytes: lose(bytes, lost), deliver }] });
          return undefined;
        }
        if (verdict === 'drop') break;
      }
    return lose(bytes, lost);
  }

  /** @param without a held message that is to be lost. */
  #release(rule: Rule, without: MessageOnWire | undefined): void {
    this.#rules.delete(rule);
    for (const [pair, queue] of this.#queues) {
      if (queue.rule !== rule) continue;
      this.#queues.delete(pair);
      const [from = '', to = ''] = pair.split(' ');
      if (without !== undefined) loseFirst(queue, from, to, without);
      this.#replay(from, to, queue);
    }
  }

  /** What waited may match another rule. */
  #replay(from: string, to: string, { frames }: Queue): void {
    for (const { bytes, deliver } of frames) {
      const passed = this.pass(from, to, bytes, deliver);
      if (passed !== undefined) deliver(passed);
    }
  }
}

function loseFirst({ frames }: Queue, from: string, to: string, held: MessageOnWire): void {
  const [first] = frames;
  if (first === undefined) return;
  const messages = messagesOf(first.bytes, from, to) ?? [];
  const place = messages.findIndex(({ name, from, to }) => name === held.name && from === held.from && to === held.to);
  first.bytes = lose(first.bytes, new Set([place]));
}

function lose(bytes: Uint8Array, places: ReadonlySet<number>): Uint8Array {
  return places.size === 0 ? bytes : withoutMessages(bytes, places);
}

function matches<M extends AnyMessageType>(
  message: MessageOnWire,
  type: M,
  { from, to, body }: Where<M>,
): message is SeenMessage<M> {
  return (
    message.name === type.name &&
    (message.kind === 'send' || message.kind === 'ask' || message.kind === 'reply') &&
    (from === undefined || isAt(message.from, from)) &&
    (to === undefined || isAt(message.to, to)) &&
    (body === undefined || body(message.body as BodyOf<M>))
  );
}

/** A reply has no process ids, so it matches by its Nodes. */
function isAt(pid: string, wanted: string): boolean {
  const [, node = ''] = pid.split('@');
  if (wanted.startsWith('@')) return node.split('#')[0] === wanted.slice(1);
  return pid === wanted || pid.split('#')[0] === wanted;
}
