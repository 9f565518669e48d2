import { headers, type Msg, type MsgHdrs } from 'nats';

/** Sends a request and waits for its answer, as `NatsConnection.request` does, in whatever time its owner finds right. */
export type Ask = (subject: string, payload: string) => Promise<Msg>;

export interface JetStreamStreamOptions {
  readonly name: string;
  readonly ask: Ask;
  /** What it is made of where it is missing; undefined: it is not made. */
  readonly configuration?: StreamConfiguration | undefined;
}

/** As JetStream calls it; what all of our streams have in common is left out. */
export interface StreamConfiguration {
  readonly subjects: readonly string[];
  readonly discard: 'old' | 'new';
  readonly num_replicas: number;
  readonly deny_purge: boolean;
  readonly republish?: { readonly src: string; readonly dest: string };
}

export interface StreamState {
  /** Differs when the stream was lost and made anew. */
  readonly created: string;
  readonly messages: number;
  /** The number of the last write that was taken; what the next one must expect. */
  readonly lastSeq: number;
}

/** What became of a write, for certain. */
export type StreamWriteOutcome = { readonly type: 'taken'; readonly seq: number } | { readonly type: 'conflict' };

/** Why JetStream did not do what it was asked. `reason` is for programs, the message for people. */
export class StreamError extends Error {
  override readonly name = 'StreamError';

  constructor(
    readonly reason: 'no-jetstream' | 'no-stream' | 'not-ready' | 'refused',
    message: string,
  ) {
    super(message);
  }
}

/** The part of JetStream's answers that we use; the server is trusted to send what it documents. */
interface ApiAnswer {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
  readonly created?: string;
  readonly state?: { readonly messages: number; readonly last_seq: number };
  readonly message?: { readonly seq: number; readonly data?: string };
  readonly seq?: number;
}

/** JetStream's error codes (`err_code`). */
const streamNotFound = 10059;
const messageNotFound = 10037;
const wrongLastSequence = 10071;
const notEnabled: readonly number[] = [10039, 10076];
/** The servers of a cluster have no leader yet, or are fewer yet than are to keep the stream. */
const notReady: readonly number[] = [10008, 10005];

/**
 * A JetStream stream that keeps the last message of each subject, in files, so that its sequence goes on after a restart of
 * the server. It takes writes that expect its last sequence: in nats-server 2.9.10 the only compare-and-set that holds on a
 * replicated stream. Speaks JetStream's own subjects, so that it can be said which of them a user needs.
 */
export class JetStreamStream {
  readonly name: string;
  readonly #ask: Ask;
  readonly #configuration: StreamConfiguration | undefined;
  /** Of every write, so that a fenced write costs no object of its own. */
  readonly #expectations = headers();

  constructor({ name, ask, configuration }: JetStreamStreamOptions) {
    this.name = name;
    this.#ask = ask;
    this.#configuration = configuration;
    this.#expectations.set('Nats-Expected-Stream', name);
  }

  /**
   * What a write must carry to be taken only if the stream's last one has that number. To be sent before the next call, as
   * the client does before it returns: it is the same object every time.
   */
  expectations(lastSeq: number): MsgHdrs {
    this.#expectations.set('Nats-Expected-Last-Sequence', String(lastSeq));
    return this.#expectations;
  }

  /**
   * Makes the stream where it is missing and that is wanted: two that do so at once get the same one, since they ask for the
   * same. @throws {StreamError}
   */
  async state(): Promise<StreamState> {
    const info = await this.#api('STREAM.INFO');
    const make = info.error?.err_code === streamNotFound ? this.#configuration : undefined;
    const answer = make === undefined ? info : await this.#api('STREAM.CREATE', { ...this.#common, ...make });
    const { created = '', state = { messages: 0, last_seq: 0 } } = checked(answer);
    return { created, messages: state.messages, lastSeq: state.last_seq };
  }

  /** The newest message of a subject, undefined where there is none; from the stream's leader. @throws {StreamError} */
  async newest(subject: string): Promise<{ readonly seq: number; readonly data: Buffer } | undefined> {
    const answer = await this.#api('STREAM.MSG.GET', { last_by_subj: subject });
    if (answer.error?.err_code === messageNotFound) return undefined;
    const { message } = checked(answer);
    return message && { seq: message.seq, data: Buffer.from(message.data ?? '', 'base64') };
  }

  /** Takes out what a subject held up to a number, and nothing that was written later. @throws {StreamError} */
  async purge(subject: string, uptoSeq: number): Promise<void> {
    // JetStream stops before the number.
    checked(await this.#api('STREAM.PURGE', { filter: subject, seq: uptoSeq + 1 }));
  }

  get #common(): object {
    return {
      name: this.name,
      storage: 'file',
      retention: 'limits',
      max_msgs_per_subject: 1,
      allow_direct: false,
      // An accident must not take a record away; deleting the whole stream remains possible.
      deny_delete: true,
    };
  }

  async #api(call: string, body?: object): Promise<ApiAnswer> {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const answer = await this.#ask(`$JS.API.${call}.${this.name}`, payload);
    return answer.json<ApiAnswer>();
  }
}

/** Reads the answer to a write. @throws {Error} where it says nothing of the write's fate, and without a body. */
export function outcomeOf(answer: Msg): StreamWriteOutcome {
  const { error, seq } = answer.json<ApiAnswer>();
  if (error?.err_code === wrongLastSequence) return { type: 'conflict' };
  if (error === undefined && typeof seq === 'number') return { type: 'taken', seq };
  throw new StreamError('refused', descriptionOf(error));
}

function checked(answer: ApiAnswer): ApiAnswer {
  const { error } = answer;
  if (error === undefined) return answer;
  throw new StreamError(reasonOf(error.err_code ?? 0), descriptionOf(error));
}

function reasonOf(code: number): StreamError['reason'] {
  if (notEnabled.includes(code)) return 'no-jetstream';
  if (notReady.includes(code)) return 'not-ready';
  return code === streamNotFound ? 'no-stream' : 'refused';
}

function descriptionOf(error: ApiAnswer['error']): string {
  return error?.description ?? 'JetStream answered something unknown';
}
