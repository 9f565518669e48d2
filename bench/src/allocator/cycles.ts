import { type Cycle, cycle } from './cycle.js';

/** Thousandths of cpus and mem for each role. */
function quantities(cpus: number, mem: number): { cpus: number; mem: number } {
  return { cpus: cpus * 1_000, mem: mem * 1_000 };
}

const cycles: readonly Cycle[] = [
  {
    id: 'cycle.1k',
    spec: { agents: 1_000, frameworks: 100 },
    target: { atMost: 5 },
    note: '1,000 agents x 100 frameworks; Mesos 1.8 published < 100 ms',
    besideRuns: 9,
  },
  {
    id: 'cycle.10k',
    spec: { agents: 10_000, frameworks: 1_000 },
    target: { atMost: 60 },
    note: '10,000 agents x 1,000 frameworks; Mesos 1.12 measured 540 to 730 ms',
    besideRuns: 2,
  },
  {
    id: 'cycle.20k',
    spec: { agents: 20_000, frameworks: 2_000 },
    target: { atMost: 180 },
    note: '20,000 agents x 2,000 frameworks; Mesos 1.8 published about 3,800 ms',
  },
  {
    id: 'cycle.50k',
    spec: { agents: 50_000, frameworks: 6_000 },
    target: { atMost: 500 },
    note: '50,000 agents x 6,000 frameworks',
  },
  {
    id: 'cycle.10k.mixed',
    spec: { agents: 10_000, frameworks: 1_000, roles: 'own', mixed: true, tasks: true },
    target: { atMost: 60 },
    note: 'as cycle.10k, but five kinds of agents, a task on each of them, and every framework in a role of its own',
  },
  {
    id: 'suppressed',
    spec: { agents: 10_000, frameworks: 6_000, suppressed: 5_940 },
    target: { atMost: 15 },
    note: '10,000 agents x 6,000 frameworks, of which 5,940 are suppressed; Mesos 1.12, 10,000 x 1,000: 390 ms at 80 %',
  },
  {
    id: 'quota',
    spec: {
      agents: 3_000,
      frameworks: 1_000,
      roles: 'own',
      quota: { guarantees: quantities(4, 512), limits: quantities(8, 1_024) },
    },
    target: { atMost: 100 },
    note: '3,000 agents x 1,000 roles with one framework each, promised a part of an agent; Mesos 1.12, 3,000 roles: 11.8 s',
  },
  {
    id: 'quota.large',
    spec: {
      agents: 3_000,
      frameworks: 1_000,
      roles: 'own',
      quota: { guarantees: quantities(24, 4_096), limits: quantities(48, 8_192) },
    },
    target: { atMost: 100 },
    note: 'the same, promised an agent each and limited to two',
  },
  {
    id: 'roles.deep',
    spec: { agents: 10_000, frameworks: 1_000, roles: 'tree' },
    target: { atMost: 80 },
    note: '10,000 agents x 1,000 roles, seven levels deep, with one framework each',
  },
];

/** All that is one full allocation of one cluster. */
export const fullAllocations = cycles.map(cycle);
