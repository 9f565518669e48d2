import type { Clock } from './clock.js';

/** How long a Node of the same name may take to answer before we call it frozen, in ms. */
const answerMs = 2_000;
/** How long the one that is to have the name waits for another to let go of it, in ms, */
const againMs = 20;
/** and how often. */
const againMax = 100;

/** No question is longer, in characters. */
const questionMax = 200;

/** What a {@link NameClaim} does to its connection. */
export interface NameClaimHost {
  /**
   * Asks whoever else is subscribed under the name. Whether anybody is comes back as {@link NameClaim.free} or
   * {@link NameClaim.answered}.
   */
  ask(question: string): void;
  /** Answers on the subject where everybody hears it who asks for this name. */
  answer(text: string): void;
}

type Answer = 'free' | 'taken' | 'contested';

/**
 * How one of several Nodes gets a name that all of them want.
 *
 * Each first subscribes under the name and then asks who else is there; a server does one after the other, so of two at
 * least the later one finds the other subscribed. Nobody has the name before the server says that no one else is
 * subscribed. Who is subscribed without having it yet lets the one go first whose connection is older; who has it lets
 * nobody. Several servers learn of subscriptions from each other, which takes a moment: what is said here is true of one.
 *
 * A question is `claim` and who asks, an answer `taken` or `contested` and who asked. Older builds ask before they
 * subscribe, with nothing, and take any answer as `taken`; their own is empty and goes for everybody, since they have
 * the name.
 */
export class NameClaim {
  readonly #host: NameClaimHost;
  readonly #clock: Clock;
  /** Of our connection. */
  readonly #id: string;
  #settle: ((answer: Answer) => void) | undefined;
  #held = false;

  constructor(host: NameClaimHost, clock: Clock, id: string) {
    this.#host = host;
    this.#clock = clock;
    this.#id = id;
  }

  /** To be called by who has subscribed: whether we have the name now, and for good. */
  async win(): Promise<boolean> {
    for (let attempt = 0; attempt < againMax; attempt++) {
      const answer = await this.#ask();
      this.#held = answer === 'free';
      if (answer !== 'contested') return this.#held;
      await new Promise<void>((resolve) => this.#clock.timer(againMs, resolve));
    }
    return false;
  }

  /** Nobody but us is subscribed under the name. */
  free(): void {
    this.#settle?.('free');
  }

  answered(text: string): void {
    const [word = '', id] = text.split(' ');
    if (word === '') this.#settle?.('taken');
    else if (id === this.#id && (word === 'taken' || word === 'contested')) this.#settle?.(word);
  }

  /** Somebody else asks for the name. */
  asked(text: string): void {
    const [word, id = ''] = text.slice(0, questionMax).split(' ');
    const yields = word === 'claim' && !this.#held && isOlder(id, this.#id);
    this.#host.answer(`${yields ? 'contested' : 'taken'} ${id}`);
  }

  async #ask(): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      this.#settle = resolve;
    });
    const timer = this.#clock.timer(answerMs, () => this.#settle?.('taken'));
    this.#host.ask(`claim ${this.#id}`);
    try {
      return await answer;
    } finally {
      timer.cancel();
    }
  }
}

/** Servers number their connections. */
function isOlder(id: string, other: string): boolean {
  return id.length < other.length || (id.length === other.length && id < other);
}
