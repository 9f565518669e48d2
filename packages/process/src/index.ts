export { type Clock, SystemClock, type Timer } from './clock.js';
export {
  type AnyMessageType,
  type BodyOf,
  type DeepReadonly,
  type MessageType,
  message,
  type ReplyOf,
  UpidSchema,
} from './message.js';
export { Random } from './random.js';
export { parseUpid, type Upid, type UpidParts, upid } from './upid.js';
export { VirtualClock } from './virtual-clock.js';
