export { type Clock, SystemClock, type Timer } from './clock.js';
export type { Counters } from './counters.js';
export {
  AbortedError,
  BadReplyError,
  ChildFailedError,
  DisconnectedError,
  IncompatibleNodeError,
  MessageTooLargeError,
  NameError,
  NoSuchNodeError,
  NoSuchProcessError,
  OverloadedError,
  ProcessError,
  RefusedError,
  TimedOutError,
  TransportError,
} from './errors.js';
export type { ExitReason, RefusalReason } from './event.js';
export type { NodeHealth, ProcessHealth } from './health.js';
export { Heap } from './heap.js';
export { Inflow, type Readable } from './inflow.js';
export { type LastingConnectionOptions, lastingConnection } from './lasting-connection.js';
export { type FrameFilter, MemoryNetwork } from './memory-transport.js';
export {
  type AnyMessageType,
  type AskableMessageType,
  type BodyOf,
  type DeepReadonly,
  type MessageType,
  message,
  type ReplyOf,
  UpidSchema,
} from './message.js';
export { natsSocket } from './nats-socket.js';
export { NatsTransport, type NatsTransportOptions, natsUnreachable } from './nats-transport.js';
export { type AskOptions, Node, type NodeOptions } from './node.js';
export type { WhileDisconnected } from './outflow.js';
export { type Handler, Process } from './process.js';
export { Random } from './random.js';
export { reconnectPace } from './reconnect-pace.js';
export {
  type DeadLetterReason,
  type RuntimeEvent,
  type RuntimeEventCode,
  runtimeEventKinds,
} from './runtime-event.js';
export type { RuntimeEvents } from './runtime-events.js';
export { SocketClientTransport, SocketServerTransport } from './socket-transport.js';
export type {
  MailboxBound,
  OverflowPolicy,
  RestartOptions,
  Spawnable,
  SpawnOptions,
  Supervision,
} from './spawn-options.js';
export type { Transport, TransportSink } from './transport.js';
export { nodeNamePattern, parseUpid, processIdPattern, type Upid, type UpidParts, upid } from './upid.js';
export { VirtualClock } from './virtual-clock.js';
