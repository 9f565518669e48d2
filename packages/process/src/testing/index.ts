export { serializeLocalByDefault } from '../node-defaults.js';
export type { MessageOnWire } from './frame-view.js';
export { fixedLatency, type Latency, longTailLatency, uniformLatency } from './latency.js';
export type { Boot, Booted, Machine, MachineOptions } from './machine.js';
export {
  type Dropping,
  type HeldMessage,
  MessageFilters,
  type SeenMessage,
  type Where,
} from './message-filters.js';
export { findFailure, PropertyError, type PropertyOptions, property, type Scenario } from './property.js';
export { type Fault, RandomFaults, type RandomFaultsOptions } from './random-faults.js';
export { NotReachedError, Simulation, type SimulationOptions } from './simulation.js';
export type { Storage } from './storage.js';
export type { Trace, TraceOptions } from './trace.js';
