import type { AttributeConstraint, FrameworkDescription, Quantities, Quota, SlaveDescription } from '@mesos-ts/master';
import fc, { type Arbitrary } from 'fast-check';
import { type Part, pile, resourcesOf } from './pile.js';
import type { ReferenceOptions } from './reference.js';
import { hostOf, type Step } from './world.js';

/*
 * Random clusters and what happens to them. Small on purpose: few agents, frameworks and amounts, so that the same ones
 * meet again and again, with some of all that there is to be said of them.
 */

const slaves = 4;
const frameworks = 4;
/** A tree four deep, in which roles are clients, parents, both or neither. */
const roles = ['*', 'a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/e', 'f', 'f/g'];
const owners = ['a', 'a/b', 'f', 'f/g', 'nobody'];

const slave = fc.nat(slaves - 1);
const framework = fc.nat(frameworks - 1);
const role = fc.constantFrom(...roles);
const someRoles = fc.uniqueArray(role, { minLength: 1, maxLength: 3 });
const seconds = fc.constantFrom(0, 0, 1, 5, 3_600);
const partUsed = fc.constantFrom(0, 250, 500, 1_000);
const partBack = fc.constantFrom(250, 500, 1_000, 1_000);
const cpus = fc.constantFrom(0, 5, 500, 4_000, 1_000, 2_000, 4_000, 7_001);
const mem = fc.constantFrom(0, 31_999, 32_000, 512_000, 1_024_000, 4_096_000);

const reservation = fc.record({ role: fc.constantFrom(...owners), cpus, mem, ports: fc.constantFrom(0, 0, 3) });
const total = fc
  .record({
    cpus,
    mem,
    disk: fc.constantFrom(0, 0, 10_000),
    gpus: fc.constantFrom(0, 0, 0, 0, 0, 0, 1_000),
    ports: fc.constantFrom(0, 1, 8, 10),
    items: fc.constantFrom(0, 0, 3),
    reserved: fc.uniqueArray(reservation, { maxLength: 2, selector: (one) => one.role }),
  })
  .map(({ cpus, mem, disk, gpus, ports, items, reserved }) =>
    resourcesOf(
      pile([
        ...scalars('*', { cpus, mem, disk, gpus }),
        ...numbered('*', ports, 1),
        ...['x', 'y', 'z'].slice(0, items).map((item) => ({ name: 'zones', role: '*', item, amount: 1 })),
        ...reserved.flatMap((one, index) => [
          ...scalars(one.role, { cpus: one.cpus, mem: one.mem }),
          ...numbered(one.role, one.ports, 100 * (index + 1)),
        ]),
      ]),
    ),
  );

const lent = fc.constantFrom(0, 0, 5, 500, 1_000, 4_000);
/** Of agents that lend, which is not most of them. */
const oversubscribed = fc.record({ cpus: lent, mem: fc.constantFrom(0, 32_000, 512_000) }).map((amounts) => {
  const parts = scalars('*', amounts).map((part): Part => ({ ...part, revocable: true }));
  return resourcesOf(pile(parts));
});

const attributes = fc.array(fc.record({ name: fc.constantFrom('rack', 'os'), text: fc.constantFrom('a', 'b', 'ab') }), {
  maxLength: 2,
});
const domain = fc.constantFrom(undefined, undefined, 'here', 'there').map((region) => region && { region, zone: 'z1' });

function slaveDescription(number: number): Arbitrary<SlaveDescription> {
  return fc
    .record({ total, attributes, domain, oversubscribed: rarely(oversubscribed) })
    .map(({ domain, oversubscribed, ...rest }) => ({
      ...rest,
      hostname: hostOf(number),
      ...(domain ? { domain } : {}),
      ...(oversubscribed === null ? {} : { oversubscribed }),
    }));
}

const predicate: Arbitrary<AttributeConstraint['predicate']> = fc.constantFrom(
  'exists' as const,
  'notExists' as const,
  { textEquals: 'a' },
  { textNotEquals: 'a' },
  { textMatches: 'a*' },
  { textNotMatches: '?b' },
  { textMatches: 'host-[0-3]' },
  { textMatches: '*-?' },
);
const selector: Arbitrary<AttributeConstraint['selector']> = fc.constantFrom(
  { attribute: 'rack' },
  { attribute: 'os' },
  'hostname' as const,
  'region' as const,
  'zone' as const,
);
const constraints = fc.array(fc.array(fc.record({ selector, predicate }), { minLength: 1, maxLength: 2 }), {
  maxLength: 2,
});
const minAllocatable = fc.constantFrom<readonly Quantities[]>(
  [{ cpus: 1_000 }],
  [{ cpus: 1_000, mem: 512_000 }, { disk: 1_000 }],
  [{ mem: 32_000 }, { cpus: 4_000 }],
);

/** For the first role of it, something may be special. */
const frameworkDescription: Arbitrary<FrameworkDescription> = fc
  .record({
    roles: someRoles,
    suppressed: fc.constantFrom(false, false, false, false, false, true),
    minAllocatable: rarely(minAllocatable),
    constraints: rarely(constraints),
    gpuResources: fc.boolean(),
    regionAware: fc.boolean(),
    revocableResources: fc.boolean(),
  })
  .map(({ suppressed, minAllocatable, constraints, ...rest }) => {
    const [first = '*'] = rest.roles;
    return {
      ...rest,
      ...(suppressed ? { suppressedRoles: [first] } : {}),
      ...(minAllocatable === null ? {} : { minAllocatable: { [first]: minAllocatable } }),
      ...(constraints === null ? {} : { constraints: { [first]: constraints } }),
    };
  });

const demand = fc.record({
  role,
  shape: fc.constantFrom<Quantities>({ cpus: 500 }, { cpus: 1_000, mem: 512_000 }, { mem: 32_000 }, { cpus: 8_000 }),
  count: fc.constantFrom(1, 2, 5, 1_000_000),
});
const demands = fc.option(fc.array(demand, { maxLength: 3 }), {
  freq: 3,
  nil: undefined,
});

const quantities = fc.record(
  { cpus: fc.constantFrom(0, 500, 1_000, 3_000, 6_000), mem: fc.constantFrom(0, 32_000, 512_000, 1_500_000) },
  { requiredKeys: [] },
);
const quotas: Arbitrary<readonly Quota[]> = fc.uniqueArray(
  fc.record({ role, guarantees: quantities, limits: quantities }),
  { maxLength: 3, selector: (one) => one.role },
);
const weights: Arbitrary<Quantities> = fc
  .uniqueArray(fc.tuple(role, fc.constantFrom(1, 500, 2_000, 3_333)), { maxLength: 4, selector: ([name]) => name })
  .map((entries) => Object.fromEntries(entries));

const addSlave: Arbitrary<Step> = slave.chain((number) =>
  fc.record({
    do: fc.constant('addSlave' as const),
    slave: fc.constant(number),
    description: slaveDescription(number),
    used: fc.array(fc.record({ framework, role, part: fc.constantFrom(250, 500, 1_000) }), { maxLength: 2 }),
  }),
);
const addFramework: Arbitrary<Step> = fc.record({
  do: fc.constant('addFramework' as const),
  framework,
  description: frameworkDescription,
});

function anyOf<T extends string>(...of: readonly T[]): Arbitrary<T> {
  return fc.constantFrom(...of);
}

const step: Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: addSlave },
  { weight: 2, arbitrary: fc.record({ do: anyOf('removeSlave', 'activateSlave', 'deactivateSlave'), slave }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('updateOversubscribed' as const), slave, oversubscribed }),
  },
  { weight: 2, arbitrary: addFramework },
  {
    weight: 3,
    arbitrary: fc.record({ do: anyOf('activateFramework', 'activateFramework', 'deactivateFramework'), framework }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('removeFramework' as const), framework }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('suppressOffers' as const),
      framework,
      roles: fc.uniqueArray(role, { maxLength: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('reviveOffers' as const),
      framework,
      roles: fc.uniqueArray(role, { maxLength: 2 }),
      keepFilters: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('requestResources' as const), framework, demands }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('recover' as const),
      holding: fc.nat(20),
      part: partBack,
      refuseSeconds: seconds,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('release' as const), holding: fc.nat(20), part: partBack }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('launch' as const),
      holding: fc.nat(20),
      part: partUsed,
      refuseSeconds: seconds,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('answerAll' as const), part: partUsed, refuseSeconds: seconds }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('updateWeights' as const), weights }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('updateQuota' as const), quotas }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('updateWhitelist' as const),
      hosts: fc.option(fc.uniqueArray(slave.map(hostOf)), { nil: undefined, freq: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 999, 1_000, 5_000) }) },
  { weight: 14, arbitrary: fc.constant<Step>({ do: 'allocate' }) },
);

/** What an allocator is made with. */
export const options: Arbitrary<ReferenceOptions> = fc.constantFrom<ReferenceOptions>(
  {},
  {},
  { region: 'here' },
  { excludedResourceNames: ['mem'] },
  { offerCap: 250 },
);

/** A history from its beginning, where there are some agents and active frameworks already: without, little happens. */
export const history: Arbitrary<readonly Step[]> = fc
  .tuple(
    fc.tuple(...[0, 1, 2].map((number) => slaveDescription(number))),
    fc.tuple(...[0, 1, 2].map(() => frameworkDescription)),
    fc.array(step, { minLength: 4, maxLength: 24, size: 'max' }),
  )
  .map(([agents, clients, steps]) => [
    ...agents.map((description, slave): Step => ({ do: 'addSlave', slave, description, used: [] })),
    ...clients.flatMap((description, framework): Step[] => [
      { do: 'addFramework', framework, description },
      { do: 'activateFramework', framework },
    ]),
    ...steps,
  ]);

function rarely<T>(arbitrary: Arbitrary<T>): Arbitrary<T | null> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

function scalars(role: string, amounts: Quantities): Part[] {
  return Object.entries(amounts).map(([name, amount]) => ({ name, role, amount }));
}

function numbered(role: string, count: number, from: number): Part[] {
  return Array.from({ length: count }, (_, index) => ({ name: 'ports', role, item: from + index, amount: 1 }));
}
