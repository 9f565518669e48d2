import { AllocatorProcess, type ExplanationSlice } from '@mesos-ts/master';
import { Node, VirtualClock } from '@mesos-ts/process';
import { type FrameworkId, parseResources, type SlaveId } from '@mesos-ts/protocol';
import t, { type Test } from 'tap';

/* An explanation is found in slices, between which the allocator does what else there is to do. */

const web = 'web' as FrameworkId;
const agents = 1_000;

async function allocatorOf(t: Test, clock: VirtualClock): Promise<{ allocator: AllocatorProcess; node: Node }> {
  const node = await Node.start({ clock });
  t.teardown(() => node.stop());
  const allocator = new AllocatorProcess('allocator', () => undefined);
  node.spawn(allocator);
  allocator.addFramework(web, { roles: ['eng'] });
  allocator.activateFramework(web);
  for (let number = 0; number < agents; number++)
    allocator.addSlave(`s${number}` as SlaveId, { total: parseResources('cpus:1'), hostname: 'h' }, []);
  return { allocator, node };
}

async function slicesOf(next: () => Promise<ExplanationSlice | undefined>): Promise<ExplanationSlice[]> {
  const slices: ExplanationSlice[] = [];
  for (let slice = await next(); slice !== undefined; slice = await next()) slices.push(slice);
  return slices;
}

t.test('a slice is of 200 agents at most, and what happens between two of them is heeded', async (t) => {
  const { allocator } = await allocatorOf(t, new VirtualClock());
  const { roles, next } = await allocator.explain({ frameworkId: web });
  t.equal(roles.length, 1);
  t.equal((await next())?.agents.length, 200);
  allocator.suppressOffers(web, []);
  allocator.removeSlave('s999' as SlaveId);
  const rest = (await slicesOf(next)).flatMap((slice) => slice.agents);
  t.equal(rest.length, 799);
  t.ok(rest.every(({ hindrance }) => hindrance.why === 'suppressed'));
});

t.test('a slice ends when it has taken its time, however few agents those were', async (t) => {
  /** Every look at it takes a millisecond. */
  class TickingClock extends VirtualClock {
    #looks = 0;
    override now(): number {
      return super.now() + this.#looks++;
    }
  }
  const { allocator } = await allocatorOf(t, new TickingClock());
  const { next } = await allocator.explain({ frameworkId: web });
  const slices = await slicesOf(next);
  t.equal(slices.flatMap((slice) => slice.agents).length, agents);
  t.ok(slices.length > 50, `${slices.length} slices`);
});

t.test('nobody is explained who is not known, and an end of the allocator is told to who asks', async (t) => {
  const { allocator, node } = await allocatorOf(t, new VirtualClock());
  const { roles, next } = await allocator.explain({ frameworkId: 'nobody' as FrameworkId });
  t.same(roles, []);
  t.equal(await next(), undefined);
  const another = await allocator.explain({ role: 'eng' });
  await node.stop();
  await t.rejects(another.next(), { code: 'NO_SUCH_PROCESS' });
});
