import assert from 'node:assert/strict';
import { AllocatorCore } from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import type { Resources } from '@mesos-ts/protocol';
import fc from 'fast-check';
import t from 'tap';
import { history, options } from './histories.js';
import { frameworkOf, hostOf, type Step, slaveOf, World } from './world.js';

/*
 * Random histories of random clusters, through the allocator's core and through a reference that is slow and plain. Of
 * each step it is checked that what is free and what is allocated are the total of every agent, and no port is there
 * twice; of each gift that it is what the reference says.
 */

const runs = { numRuns: 2_000 };
t.setTimeout(300_000);

t.test('Every gift is the reference’s, in an order that it allows, and none is missing', (t) => {
  let gifts = 0;
  let loans = 0;
  fc.assert(
    fc.property(fc.nat(), options, history, (seed, options, steps) => {
      const world = new World(seed, options);
      for (const step of steps) world.step(step);
      world.finish();
      gifts += world.given.length;
      loans += world.loans;
    }),
    runs,
  );
  t.ok(gifts > 5_000, `${gifts} gifts were compared`);
  t.ok(loans > 500, `${loans} of them held something revocable`);
  t.end();
});

t.test(
  'Sliced, with anything between the slices, no gift breaks a limit or a promise, and none is missing at the end',
  (t) => {
    let gifts = 0;
    fc.assert(
      fc.property(fc.nat(), options, history, (seed, options, steps) => {
        const world = new World(seed, options, 'slices');
        for (const step of steps) world.step(step);
        world.finish();
        gifts += world.given.length;
      }),
      runs,
    );
    t.ok(gifts > 5_000, `${gifts} gifts were compared`);
    t.end();
  },
);

t.test(
  'What is left of an agent after a gift to one of few goes to who comes after that one, not to who was passed over',
  (t) => {
    const scalar = (name: string, role: string, scalar: number) => ({ name, role, scalar });
    const agent = (slave: number, ...total: Resources): Step => {
      return { do: 'addSlave', slave, description: { total, hostname: hostOf(slave) }, used: [] };
    };
    const active = (framework: number, ...roles: string[]): Step[] => [
      { do: 'addFramework', framework, description: { roles } },
      { do: 'activateFramework', framework },
    ];
    const ofF = [scalar('cpus', 'f', 500), scalar('mem', 'f', 512_000), scalar('mem', 'f/g', 1_024_000)];
    const steps: Step[] = [
      agent(0, scalar('cpus', '*', 7_001), scalar('mem', '*', 32_000), ...ofF),
      agent(1, scalar('mem', '*', 1_024_000)),
      agent(2, scalar('cpus', '*', 4_000), scalar('mem', '*', 32_000)),
      ...[...active(0, 'a/b/c/d', '*'), ...active(1, 'f/g'), ...active(2, '*')],
      { do: 'updateQuota', quotas: [{ role: 'f/g', guarantees: {}, limits: { mem: 0 } }] },
      { do: 'allocate' },
      { do: 'recover', holding: 4, part: 1_000, refuseSeconds: 0 },
      { do: 'allocate' },
    ];
    for (let seed = 0; seed < 60; seed++) {
      const world = new World(seed, { offerCap: 250 });
      for (const step of steps) world.step(step);
    }
    t.end();
  },
);

t.test('Shares that differ by a thousandth of what doubles can hold are in the right order, weighted or not', (t) => {
  const large = fc.integer({ min: 2 ** 40, max: 2 ** 51 });
  const weight = fc.constantFrom(1_000, 1_000, 999, 2_000, 1_333);
  const weights = fc.tuple(weight, weight);
  fc.assert(
    fc.property(
      large,
      large,
      fc.double({ min: 0, max: 1, noNaN: true }),
      weights,
      fc.integer({ min: -1, max: 1 }),
      (...drawn) => {
        const [cpus, mem, part, [ofFirst, ofSecond], more] = drawn;
        const first = Math.floor((cpus * part) / 2);
        // The share of the second is that of the first, by weight, or next to it.
        const second =
          Number((BigInt(first) * BigInt(mem) * BigInt(ofSecond)) / (BigInt(cpus) * BigInt(ofFirst))) + more;
        fc.pre(second >= 0 && second <= mem);
        const core = new AllocatorCore({ random: new Random(1) });
        core.updateWeights({ r0: ofFirst, r1: ofSecond });
        for (const index of [0, 1]) {
          core.addFramework(frameworkOf(index), { roles: [`r${index}`] });
          core.activateFramework(frameworkOf(index));
        }
        const scalar = (name: string, scalar: number) => (scalar > 0 ? [{ name, role: '*', scalar }] : []);
        const total = [...scalar('cpus', cpus), ...scalar('mem', mem)];
        core.addSlave(slaveOf(0), { total, hostname: 'h' }, [
          { frameworkId: frameworkOf(0), role: 'r0', resources: scalar('cpus', first) },
          { frameworkId: frameworkOf(1), role: 'r1', resources: scalar('mem', second) },
        ]);
        const [ours, theirs] = [
          BigInt(first) * BigInt(mem) * BigInt(ofSecond),
          BigInt(second) * BigInt(cpus) * BigInt(ofFirst),
        ];
        assert.equal(core.allocate(0)[0]?.frameworkId, frameworkOf(ours <= theirs ? 0 : 1));
      },
    ),
    runs,
  );
  t.end();
});
