import type { Clock } from './clock.js';

/**
 * Carries frames between Nodes: at most once, and in order from one Node to another as long as the connection lives.
 * Three implementations: NATS between machines, a local socket between an agent and its executors, memory for tests.
 */
export interface Transport {
  /**
   * Connects, and makes sure that no other Node answers to the same name. Frames may arrive from then on.
   * @param clock for what the transport has to do in time.
   */
  start(node: string, sink: TransportSink, clock: Clock): Promise<void>;
  /** Whether frames to `node` go this way. A Node asks its transports in order and takes the first. */
  reaches(node: string): boolean;
  /**
   * Hands one frame over. False when it was dropped because the connection is down.
   * @param expectReceiver tell {@link TransportSink.absent} when nobody is there to take the frame.
   * @param left may be called, once, when the frame has left and its bytes are not read any more: the caller then writes
   * others in their place. A transport that cannot tell does not call it.
   */
  send(node: string, frame: Uint8Array, expectReceiver: boolean, left?: () => void): boolean;
  /**
   * Tells {@link TransportSink.absent} when nobody is there to take frames for `node`, at no cost to whoever is. Absent:
   * frames that ask for an answer serve instead.
   */
  look?(node: string): void;
  /** Whether what is sent now can leave. Absent: always. */
  readonly connected?: boolean;
  /** Under what the server knows our connection; other Nodes hear it. Absent: there is no server that tells of its end. */
  readonly connectionId?: string;
  /** The largest frame that {@link send} takes, in bytes. */
  readonly frameBytesMax: number;
  /** Lets go of the connection once what was sent has left. */
  close(): Promise<void>;
}

/** What a transport tells its Node. None of these throws. */
export interface TransportSink {
  frame(from: string, bytes: Uint8Array): void;
  /** Nobody takes frames under that name now. `certain`: its end was seen, not inferred from a missing subscription. */
  absent(node: string, certain: boolean): void;
  /** The connection broke: frames in both directions may have been lost, for every Node that `reaches` this way. */
  connectionLost(): void;
  /** So many frames that {@link Transport.send} had taken for that Node did not leave and will not. */
  dropped(node: string, frames: number): void;
  /** A connection could not keep up with what was sent to it; empty: our own. */
  slowConsumer(connectionId: string): void;
  /** The connection takes what is sent, but nothing comes any more: it is made anew. */
  stuck(): void;
  /** The server says that the connection of this {@link Transport.connectionId} has ended. */
  disconnected(connectionId: string): void;
}
