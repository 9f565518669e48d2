import { AllocatorCore } from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import type { FrameworkId, Resources, SlaveId } from '@mesos-ts/protocol';
import t from 'tap';

/** `a * n - b * m` is 1, and neither `a` nor `b` is more than half of what it is a part of (extended Euclid). */
function neighbours(m: bigint, n: bigint): { readonly a: bigint; readonly b: bigint } | undefined {
  let [r, s] = [m, n];
  let [x, y] = [0n, 1n];
  while (s !== 0n) {
    const quotient = r / s;
    [r, s] = [s, r % s];
    [x, y] = [y, x - quotient * y];
  }
  if (r !== 1n) return undefined;
  const a = ((x % m) + m) % m;
  const b = (a * n - 1n) / m;
  return a > 0n && b > 0n && a * 2n < m && b * 2n < n ? { a, b } : undefined;
}

function large(random: Random): bigint {
  return BigInt(2 ** 52 + random.integer(2 ** 31) * 2 ** 20 + random.integer(2 ** 20));
}

/** Who is offered one cpu of a cluster in which one framework has `cpus` of `allCpus`, and another `mem` of `allMem`. */
function next(cpus: bigint, allCpus: bigint, mem: bigint, allMem: bigint): string | undefined {
  const core = new AllocatorCore({ random: new Random('shares') });
  const total = (name: string, scalar: bigint): Resources => [{ name, role: '*', scalar: Number(scalar) }];
  const small = 1_000n;
  const used = [
    { frameworkId: 'of-cpus' as FrameworkId, role: '*', resources: total('cpus', cpus) },
    { frameworkId: 'nobody' as FrameworkId, role: 'other', resources: total('cpus', allCpus - small - cpus) },
    { frameworkId: 'of-mem' as FrameworkId, role: '*', resources: total('mem', mem) },
    { frameworkId: 'nobody' as FrameworkId, role: 'other', resources: total('mem', allMem - mem) },
  ];
  core.addSlave('s' as SlaveId, { total: [...total('cpus', allCpus), ...total('mem', allMem)], hostname: 's' }, used);
  for (const { frameworkId } of [used[0], used[2]] as typeof used) {
    core.addFramework(frameworkId, { roles: ['*'] });
    core.activateFramework(frameworkId);
  }
  return core.allocate(0)[0]?.frameworkId;
}

t.test('shares that differ by one part in 10^31 are told apart', async (t) => {
  const random = new Random('exact');
  for (let found = 0; found < 500; ) {
    const [m, n] = [large(random), large(random)];
    const near = neighbours(m, n);
    if (near === undefined) continue;
    found++;
    const { a, b } = near;
    // a / m is more than b / n, by 1 / (m * n).
    if (next(a, m, b, n) !== 'of-mem') t.fail(`${a}/${m} is more than ${b}/${n}`);
    if (next(b, n, a, m) !== 'of-cpus') t.fail(`${b}/${n} is less than ${a}/${m}`);
  }
  t.pass();
});
