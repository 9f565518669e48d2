export { type ElectionAddress, parseElectionAddress, type ZookeeperAddress } from './address.js';
export { createContender, createDetector, type ElectionOptions } from './create.js';
export {
  addressedTo,
  type Contender,
  type Detector,
  type Leader,
  type Leadership,
  type Predecessor,
  sameLeader,
} from './election.js';
export { EpochFence, type FenceVerdict } from './epoch-fence.js';
export {
  AlreadyContending,
  ElectionAddressInvalid,
  ElectionClosed,
  ElectionError,
  JetStreamMissing,
  NatsConnectionEnded,
  NatsRefused,
  NatsUnreachable,
  RegisterUnusable,
  ZookeeperRefused,
  ZookeeperUnreachable,
} from './errors.js';
export { HttpDetector, type HttpDetectorOptions } from './http-detector.js';
export { JetStreamStream, outcomeOf, type StreamConfiguration, StreamError } from './jetstream-stream.js';
export { Lease } from './lease.js';
export { LeaseContender, type OverRegisterOptions } from './lease-contender.js';
export { LeaseDetector } from './lease-detector.js';
export { decodeRecord, encodeRecord, type LeaseRecord, type RegisterValue } from './lease-record.js';
export type {
  Observation,
  OpenRegister,
  Reading,
  Register,
  RegisterListener,
  WriteOutcome,
} from './lease-register.js';
export type { LeaseEffect, LeaseInput } from './lease-step.js';
export { type LeaseOptions, type LeaseTiming, leaseTiming } from './lease-timing.js';
export { MemoryRegister } from './memory-register.js';
export { type NatsRegisterOptions, natsRegister } from './nats-register.js';
export { Observer, type ObserverEffect, type ObserverInput } from './observer.js';
export { shownAddress } from './shown-address.js';
export { StandaloneContender, StandaloneDetector } from './standalone.js';
export { type WhenReadyOptions, whenReady } from './when-ready.js';
export {
  ZookeeperCandidate,
  type ZookeeperCandidateEffect,
  type ZookeeperCandidateInput,
} from './zookeeper-candidate.js';
export {
  type ConnectZookeeper,
  loadZookeeper,
  type SessionTicket,
  type ZookeeperConnection,
  type ZookeeperConnectionOptions,
  type ZookeeperFault,
  type ZookeeperListener,
  type ZookeeperNode,
  ZookeeperProblem,
} from './zookeeper-connection.js';
export { ZookeeperContender } from './zookeeper-contender.js';
export { ZookeeperDetector } from './zookeeper-detector.js';
export { decodeMember, encodeMember, type Member, sequenceOf } from './zookeeper-member.js';
export { ZookeeperObserver, type ZookeeperObserverEffect, type ZookeeperObserverInput } from './zookeeper-observer.js';
export { type SessionEffect, type SessionInput, ZookeeperSession } from './zookeeper-session.js';
export type { OverZookeeperOptions } from './zookeeper-sessions.js';
