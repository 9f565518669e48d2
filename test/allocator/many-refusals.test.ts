import { type Allocation, AllocatorCore } from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import { type FrameworkId, parseResources, type SlaveId } from '@mesos-ts/protocol';
import t from 'tap';

const agents = 20;
const hourMs = 3_600_000;

/** A core in which everybody has declined everything for an hour. */
function declined(frameworks: number): AllocatorCore {
  const core = new AllocatorCore({ random: new Random('refusals') });
  for (let i = 0; i < agents; i++)
    core.addSlave(`s${i}` as SlaveId, { total: parseResources('cpus:2;mem:512;ports:[1-9]'), hostname: `h${i}` }, []);
  for (let i = 0; i < frameworks; i++) {
    core.addFramework(`f${i}` as FrameworkId, { roles: ['*'] });
    core.activateFramework(`f${i}` as FrameworkId);
  }
  for (let round = 0; round < frameworks; round++) for (const offered of core.allocate(0)) decline(core, offered);
  t.strictSame(core.allocate(0), [], 'nobody wants anything');
  return core;
}

function decline(core: AllocatorCore, { frameworkId, slaveId, role, resources }: Allocation, now = 0): void {
  core.recoverResources(frameworkId, slaveId, role, resources, now, { refuseSeconds: hourMs / 1_000 });
}

t.test('refusals that run out together are forgotten a few at a time, where there is little time', async (t) => {
  const core = declined(3);
  t.equal(core.nextExpiry(), hourMs);
  const given: Allocation[] = [];
  for (let slices = 0; slices === 0 || core.pending; slices++) {
    const some = core.allocate(hourMs, () => true);
    t.ok(some.length <= 1, 'one agent a slice');
    given.push(...some);
  }
  t.equal(new Set(given.map(({ slaveId }) => slaveId)).size, agents);
  t.equal(core.nextExpiry(), undefined);
});

t.test('who joins, or revives, is offered what all others have declined', async (t) => {
  const core = declined(3);
  core.reviveOffers('f1' as FrameworkId, []);
  const revived = core.allocate(1);
  t.strictSame([revived.length, new Set(revived.map(({ frameworkId }) => frameworkId))], [agents, new Set(['f1'])]);
  for (const offered of revived) decline(core, offered, 1);
  t.strictSame(core.allocate(1), []);
  core.addFramework('f9' as FrameworkId, { roles: ['*'] });
  core.activateFramework('f9' as FrameworkId);
  t.equal(core.allocate(1).length, agents);
});

t.test('the same that is refused again is refused until the later end', async (t) => {
  const core = declined(1);
  const only = 'f0' as FrameworkId;
  core.reviveOffers(only, []);
  const again = core.allocate(1_000);
  for (const offered of again) decline(core, offered, 1_000);
  t.strictSame(core.allocate(hourMs), [], 'what it revived does not end the later refusal');
  t.equal(core.allocate(hourMs + 1_000).length, agents);
});
