import assert from 'node:assert/strict';
import type { AllocationQuestion, AllocatorCoreOptions, Explanation, Quantities } from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import { parseResources } from '@mesos-ts/protocol';
import fc, { type Arbitrary } from 'fast-check';
import t from 'tap';
import { explained } from './explained.js';
import { history, options } from './histories.js';
import { framework, Scene, slave } from './scene.js';
import { frameworkOf, type Step, World } from './world.js';

/*
 * Why somebody is not offered more. What each reason means is in core.test.ts; that it is said of the right agents is what
 * the histories hold, here and in properties.test.ts.
 */

t.test('Of a framework is said', async (t) => {
  t.test('nothing where it is unknown; and else who holds what is not free', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:1').full('s2', 'cpus:2', 'q', 'b');
    t.same(scene.core.explain({ frameworkId: framework('p') }).roles, []);
    scene.core.addFramework(framework('p'), { roles: ['a'] });
    t.same(scene.hindrance('p', 's1', 'a'), { why: 'framework-inactive' });
    scene.core.activateFramework(framework('p'));
    t.same(explained(scene.core, { frameworkId: framework('p') }, 0)[0]?.agents, [
      [
        { slaveId: 's1', hostname: 's1', hindrance: { why: 'next' }, held: [] },
        {
          ...{ slaveId: 's2', hostname: 's2', hindrance: { why: 'short', by: { cpus: 10 } } },
          held: [{ frameworkId: 'q', role: 'b', resources: parseResources('cpus:2') }],
        },
      ],
    ]);
    t.same(scene.core.explain({ frameworkId: framework('p'), role: 'b' }).roles, []);
  });

  t.test('who goes before it on each level, with both shares', async (t) => {
    const scene = new Scene()
      .full('s1', 'cpus:41', 'p', 'a/b')
      .full('s2', 'cpus:38', 'q', 'ads')
      .slave('s3', 'cpus:21');
    scene.framework('p', 'a/b').framework('q', 'ads');
    const [top, ...below] = scene.core.explain({ frameworkId: framework('p') }).roles[0]?.precedence ?? [];
    t.same(top, { node: 'a', share: '0.4100', ahead: { node: 'ads', share: '0.3800' } });
    t.same(
      below.map(({ ahead }) => ahead).filter((ahead) => ahead !== undefined),
      [],
    );
    t.equal(below.at(-1)?.node, 'p');
    t.same(scene.core.explain({ frameworkId: framework('q') }).roles[0]?.precedence[0]?.ahead, undefined);
  });

  t.test('the order as it is by what the cluster has now, also before anything is allocated again', async (t) => {
    const scene = new Scene().full('u1', 'cpus:4', 'p', 'a').full('u2', 'mem:4', 'q', 'b');
    scene.framework('p', 'a').framework('q', 'b');
    const ahead = (id: string) => scene.core.explain({ frameworkId: framework(id) }).roles[0]?.precedence[0]?.ahead;
    scene.slave('s1', 'cpus:4;mem:1');
    t.same([ahead('p'), ahead('q')], [undefined, { node: 'a', share: '0.5000' }]);
    scene.slave('s2', 'mem:35');
    t.same([ahead('p'), ahead('q')], [{ node: 'b', share: '0.1000' }, undefined]);
  });

  t.test('nothing of a turn where chance decides', async (t) => {
    const scene = new Scene({ sorter: 'random' }).slave('s1', 'cpus:1').framework('p', 'a').framework('q', 'b');
    t.same(scene.core.explain({ frameworkId: framework('p') }).roles[0]?.precedence, []);
  });

  t.test('each demand by itself, in the order in which it is given to', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:4;mem:64').full('s2', 'cpus:8', 'q').framework('p');
    const demand = (shape: Quantities, count: number) => ({ role: '*', shape, count });
    scene.core.requestResources(framework('p'), [
      demand({ cpus: 2_000 }, 5),
      demand({ cpus: 8_000 }, 1),
      demand({ cpus: 1_000, mem: 64_000 }, 1),
      demand({ mem: 32_000 }, 1),
    ]);
    const [said] = explained(scene.core, { frameworkId: framework('p') }, 0);
    t.same(said?.wants[0], { shape: { cpus: 2_000 }, count: 5 });
    t.same(
      said?.agents.map((agents) => agents.map(({ hindrance }) => hindrance)),
      [
        [{ why: 'next' }, { why: 'short', by: { cpus: 2_000 } }],
        [
          { why: 'too-small', by: { cpus: 4_000 } },
          { why: 'short', by: { cpus: 8_000 } },
        ],
        [{ why: 'earlier-demand' }, { why: 'too-small', by: { mem: 64_000 } }],
        [{ why: 'next' }, { why: 'too-small', by: { mem: 32_000 } }],
      ],
    );
    t.same(scene.given(), ['p s1 cpus:4;mem:32']);
  });

  t.test('of several demands which have what they wait for in offers, and that the others lack it', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:2').framework('p');
    t.same(scene.given(), ['p s1 cpus:2']);
    const demand = { role: '*', shape: { cpus: 2_000 }, count: 1 };
    scene.core.requestResources(framework('p'), [demand, demand]);
    const [said] = explained(scene.core, { frameworkId: framework('p') }, 0);
    t.same(
      said?.agents.map(([agent]) => agent?.hindrance),
      [{ why: 'no-demand' }, { why: 'short', by: { cpus: 2_000 } }],
    );
  });

  t.test('what stands in the way of all demands together, where each by itself would be fulfilled', async (t) => {
    const scene = new Scene({ offerCap: 250 }).slave('s1', 'cpus:1').full('s2', 'cpus:11', 'q').framework('p');
    t.same(scene.given(), ['p s1 cpus:1']);
    const demand = { role: '*', shape: { cpus: 2_000 }, count: 1 };
    scene.core.requestResources(framework('p'), [demand, demand]);
    scene.slave('s3', 'cpus:4');
    const [said] = explained(scene.core, { frameworkId: framework('p') }, 0);
    t.same(
      said?.agents.map((agents) => agents.at(-1)?.hindrance),
      [{ why: 'cap' }, { why: 'cap' }],
      'all 16 are shared, 1 is held in offers, and 4 more would be too many',
    );
    t.same(scene.given(), []);
  });

  t.test('what stands in the way of a demand that it has not declared, whatever it holds in offers', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:4').framework('p');
    t.same(scene.given(), ['p s1 cpus:4']);
    scene.slave('s2', 'cpus:4').slave('s3', 'cpus:1');
    const [said] = explained(scene.core, { frameworkId: framework('p'), shape: { cpus: 2_000 } }, 0);
    t.same(said?.wants, [{ shape: { cpus: 2_000 } }]);
    t.same(
      said?.agents[0]?.map(({ hindrance }) => hindrance.why),
      ['short', 'next', 'too-small'],
    );
    t.same(scene.givenToAll(), ['p s2 cpus:4', 'p s3 cpus:1'], 'it waits for whatever there is, as before');
  });

  t.test('which roles and demands are too many for one explanation', async (t) => {
    const roles = Array.from({ length: 25 }, (_, i) => `r${i}`);
    const scene = new Scene().slave('s1', 'cpus:4').framework('p', roles.join(' '));
    const { roles: said, rolesLeftOut } = scene.core.explain({ frameworkId: framework('p') });
    t.same([said.length, rolesLeftOut], [20, 5]);
    t.ok(said.every(({ wants, wantsLeftOut }) => wants.length === 1 && wantsLeftOut === 0));
    const demands = Array.from({ length: 30 }, (_, i) => ({ role: 'r0', shape: { cpus: i + 1 }, count: 1 }));
    scene.core.requestResources(framework('p'), demands);
    const [first] = scene.core.explain({ frameworkId: framework('p'), role: 'r0' }).roles;
    t.same([first?.wants.length, first?.wantsLeftOut], [20, 10]);
  });
});

t.test('Of a role is said', async (t) => {
  const of = (scene: Scene, role: string, shape?: Quantities) => {
    const [said] = explained(scene.core, { role, shape }, 0);
    assert.ok(said !== undefined);
    return { ...said, hindrances: said.agents[0]?.map(({ hindrance }) => hindrance) };
  };

  t.test('who is in it and below it, and what they are up to', async (t) => {
    const scene = new Scene().framework('p', 'a').framework('q', 'a').framework('r', 'a').framework('x', 'a/b');
    scene.core.suppressOffers(framework('q'), []);
    scene.core.deactivateFramework(framework('r'));
    scene.framework('s', 'a').core.requestResources(framework('s'), []);
    t.same(of(scene, 'a').members, {
      frameworks: [
        { frameworkId: 'p', state: 'active' },
        { frameworkId: 'q', state: 'suppressed' },
        { frameworkId: 'r', state: 'inactive' },
        { frameworkId: 's', state: 'satisfied' },
      ],
      below: ['a/b'],
    });
  });

  t.test('its quota and those of all roles above it, with what they have of that', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:8;mem:64').framework('p', 'a/b');
    scene.core.updateQuota([
      { role: 'a', guarantees: { mem: 1_000 }, limits: { cpus: 4_000 } },
      { role: 'a/b/c', guarantees: {}, limits: { cpus: 0 } },
      { role: 'd', guarantees: { cpus: 1_000 }, limits: {} },
    ]);
    t.same(scene.given(), ['p/a/b s1 cpus:4;mem:64']);
    const above = {
      role: 'a',
      guarantees: { mem: 1_000 },
      limits: { cpus: 4_000 },
      consumed: { cpus: 4_000, mem: 64_000 },
    };
    t.same(of(scene, 'a/b').quotas, [above]);
    const own = { role: 'a/b/c', guarantees: {}, limits: { cpus: 0 }, consumed: { cpus: 0 } };
    t.same(of(scene, 'a/b/c/d').quotas, [above, own], 'nobody is in that one');
    t.same(of(scene, 'a/b/c/d').hindrances, [{ why: 'limit', role: 'a/b/c', by: { cpus: 10 } }]);
    t.same(of(scene, 'e').hindrances, [{ why: 'next' }]);
  });

  t.test('what would stand in the way of who takes anything there, and is nobody yet', async (t) => {
    const scene = new Scene({ region: 'here' })
      .slave('s1', 'cpus:4;gpus:1')
      .slave('s2', 'cpus(a):2')
      .full('s3', 'cpus:1', 'q');
    scene.slave('s4', 'cpus:1', { domain: { region: 'there', zone: 'z' } });
    const whys = (role: string) => of(scene, role).hindrances?.map(({ why }) => why);
    t.same(whys('a/new'), ['next', 'next', 'short', 'next']);
    t.same(whys('b'), ['next', 'too-small', 'short', 'next']);
    t.equal(of(scene, 'a/new').members?.frameworks.length, 0);
  });

  t.test('whom it comes behind', async (t) => {
    const scene = new Scene().full('s1', 'cpus:3', 'p', 'a/b').slave('s2', 'cpus:7').framework('q', 'c');
    t.same(of(scene, 'a/new').precedence, [
      { node: 'a', share: '0.3000', ahead: { node: 'c', share: '0.0000' } },
      { node: 'a/new', share: '0.0000', ahead: undefined },
    ]);
  });

  t.test('where there would be room for a demand: now, on idle agents, or never', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:4;mem:64').full('s2', 'cpus:4;mem:64', 'q').slave('s3', 'cpus:1');
    t.same(of(scene, 'a', { cpus: 2_000, mem: 1_000 }).hindrances, [
      { why: 'next' },
      { why: 'short', by: { cpus: 2_000, mem: 1_000 } },
      { why: 'too-small', by: { cpus: 1_000, mem: 1_000 } },
    ]);
    const huge = of(scene, 'a', { cpus: Number.MAX_SAFE_INTEGER }).hindrances;
    t.same(huge?.[0], { why: 'too-small', by: { cpus: Number.MAX_SAFE_INTEGER - 4_000 } });
  });

  t.test('that no agent has what none ever had, and what else is lacking', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:4').slave('s2', 'cpus:1');
    scene.core.deactivateSlave(slave('s2'));
    t.same(of(scene, 'a', { tpus: 1_000, cpus: 5_000 }).hindrances, [
      { why: 'too-small', by: { cpus: 1_000, tpus: 1_000 } },
      { why: 'agent-inactive' },
    ]);
    t.same(of(scene, 'a', { tpus: 1_000 }).hindrances?.[0], { why: 'too-small', by: { tpus: 1_000 } });
  });

  t.test('and the role is not there afterwards, nor a name that was only asked for', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:4');
    of(scene, 'a/b/c', { zpus: 1, tpus: 1 });
    t.same(of(scene, 'a').members?.below, []);
    t.same(of(scene, 'a/b').members?.below, []);
    // Names are told in the order in which they were first heard of.
    scene.slave('s2', 'apus:1;tpus:1;zpus:1');
    const by = { apus: 2_000, zpus: 2_000, tpus: 2_000 };
    const last = of(scene, 'a', by).hindrances?.at(-1);
    t.equal(JSON.stringify(last), JSON.stringify({ why: 'too-small', by: { apus: 1_000, tpus: 1_000, zpus: 1_000 } }));
  });
});

t.test('Where chance decides, what is drawn does not depend on what was asked', async (t) => {
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
  const drawn = (seed: number, asks: boolean): string[] => {
    const scene = new Scene({ sorter: 'random', random: new Random(seed) });
    for (const n of numbers)
      scene.full(`u${n}`, `cpus:${1 + ((n * 5) % 8)};mem:${1 + ((n * 3) % 8)}`, `p${n}`, `r${n}`);
    for (const n of numbers) scene.framework(`p${n}`, `r${n}`);
    scene.given();
    scene.slave('large', 'cpus:1;mem:4000');
    if (asks) scene.core.explain({ role: 'r0' });
    for (const n of [1, 4, 6]) scene.release(`p${n}`, `u${n}`, 'cpus:1', `r${n}`);
    return scene.given();
  };
  for (let seed = 0; seed < 50; seed++) t.same(drawn(seed, true), drawn(seed, false));
});

t.test('An explanation goes on while anything happens', async (t) => {
  const begun = () => {
    const scene = new Scene().slave('s1', 'cpus:1').slave('s2', 'cpus:1').slave('s3', 'cpus:1').framework('p', 'a');
    const explanation = scene.core.explain({ frameworkId: framework('p') });
    const told = explanation.next(0, () => true)?.agents.map(({ slaveId }) => slaveId) ?? [];
    const rest = (): unknown[] => {
      for (let slice = explanation.next(0, () => true); slice !== undefined; slice = explanation.next(0, () => true))
        told.push(...slice.agents.map(({ slaveId }) => slaveId));
      return told;
    };
    return { scene, rest };
  };
  await t.test('an agent that leaves is left out, and one that comes anew is told once', async (t) => {
    const { scene, rest } = begun();
    scene.core.removeSlave(slave('s2'));
    scene.slave('s1', 'cpus:2').slave('s3', 'cpus:2').slave('s4', 'cpus:1');
    t.same(rest(), ['s1', 's3']);
  });
  await t.test('so is a framework', async (t) => {
    const { scene, rest } = begun();
    scene.core.removeFramework(framework('p'));
    t.same(rest(), ['s1']);
  });
  await t.test('one that is suppressed meanwhile is so from then on', async (t) => {
    const scene = new Scene().slave('s1', 'cpus:1').slave('s2', 'cpus:1').framework('p', 'a');
    const [said] = explained(scene.core, { frameworkId: framework('p') }, 0, () =>
      scene.core.suppressOffers(framework('p'), []),
    );
    t.same(
      said?.agents[0]?.map(({ hindrance }) => hindrance.why),
      ['next', 'suppressed'],
    );
  });
});

// Histories

const roles = ['*', 'a', 'a/b', 'a/b/c/d', 'a/b/new', 'f', 'f/g', 'new/below'];
const shape = fc.constantFrom<Quantities | undefined>(
  undefined,
  { cpus: 500 },
  { cpus: 4_000, mem: 512_000 },
  { gpus: 1_000 },
  { disk: 1_000, cpus: 1 },
  { unheardOf: 1, cpus: 1_000, zounds: 7 },
);
const question: Arbitrary<AllocationQuestion> = fc.oneof(
  fc.record({ role: fc.constantFrom(...roles), shape }),
  fc.record({ frameworkId: fc.nat(3).map(frameworkOf), shape }),
);
/** Steps, and what is asked before each: at which agents the explanation stops for the steps to come. */
const asked = fc.array(fc.option(question, { freq: 2, nil: undefined }), { minLength: 30, maxLength: 30 });
const runs = { numRuns: 2_000 };
t.setTimeout(180_000);

t.test('What would be, is said as if it were so: by the reference, in which it is', (t) => {
  let compared = 0;
  fc.assert(
    fc.property(fc.nat(), options, history, asked, (seed, options, steps, questions) => {
      const world = new World(seed, options, 'slices');
      for (const [at, step] of steps.entries()) {
        world.step(step);
        const question = questions[at];
        if (question === undefined) continue;
        for (const { role, agents } of explained(world.core, question, world.now))
          for (const [want, those] of agents.entries())
            for (const agent of those) {
              world.requireSame({ ...question, role }, want, agent);
              compared++;
            }
      }
    }),
    runs,
  );
  t.ok(compared > 20_000, `${compared} agents were compared`);
  t.end();
});

t.test('Whatever is explained, and however slowly: all that comes after is as if it had not been', (t) => {
  let gifts = 0;
  const sorter = fc.constantFrom<AllocatorCoreOptions['sorter']>('drf', 'random');
  fc.assert(
    fc.property(fc.nat(), options, sorter, history, asked, (seed, others, sorter, steps, questions) => {
      const [plain, explaining] = [false, true].map((asks) => {
        const world = new World(seed, { ...others, sorter: sorter ?? 'drf' }, 'slices');
        live(world, steps, asks ? questions : []);
        return world;
      });
      assert.ok(plain !== undefined && explaining !== undefined);
      assert.deepEqual(explaining.given, plain.given);
      assert.equal(sayAll(explaining), sayAll(plain));
      gifts += plain.given.length;
    }),
    runs,
  );
  t.ok(gifts > 5_000, `${gifts} gifts were compared`);
  t.end();
});

/** Before each step a question is asked, and of all that were asked before one agent more is told. */
function live(world: World, steps: readonly Step[], questions: readonly (AllocationQuestion | undefined)[]): void {
  const begun: Explanation[] = [];
  for (const [at, step] of steps.entries()) {
    const question = questions[at];
    if (question !== undefined) begun.push(world.core.explain(question));
    for (const explanation of begun) explanation.next(world.now, () => true);
    world.step(step);
  }
  world.giveAll();
}

/** All that can be asked, to the letter. */
function sayAll({ core, now }: World): string {
  const shapes = [undefined, { cpus: 4_000, mem: 512_000, gpus: 9_000, disk: 9_000 }];
  const questions: AllocationQuestion[] = shapes.flatMap((shape) => [
    ...roles.map((role) => ({ role, shape })),
    ...[0, 1, 2, 3].map((number) => ({ frameworkId: frameworkOf(number), shape })),
  ]);
  return JSON.stringify(questions.map((question) => explained(core, question, now)));
}
