import { AllocatorCore } from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import type { FrameworkId, Resources, SlaveId } from '@mesos-ts/protocol';
import t from 'tap';

/** `a * n - b * m` is `by`, and neither `a` nor `b` is more than half of what it is a part of (extended Euclid). */
function neighbours(m: bigint, n: bigint, by: bigint): { readonly a: bigint; readonly b: bigint } | undefined {
  let [r, s] = [m, n];
  let [x, y] = [0n, 1n];
  while (s !== 0n) {
    const quotient = r / s;
    [r, s] = [s, r % s];
    [x, y] = [y, x - quotient * y];
  }
  if (r !== 1n) return undefined;
  const a = (((x * by) % m) + m) % m;
  const b = (a * n - by) / m;
  return a > 0n && b > 0n && a * 2n < m && b * 2n < n ? { a, b } : undefined;
}

/** A number of so many binary digits, 53 at most. */
function ofDigits(digits: number, random: Random): bigint {
  const tail = BigInt(random.uint32()) * 2n ** 32n + BigInt(random.uint32());
  return 2n ** BigInt(digits - 1) + (tail & (2n ** BigInt(digits - 1) - 1n));
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

// Products of twice as many digits: within what a double holds, within what 32 digits tell apart after that, and beyond.
const cases = [26, 28, 34, 41, 42, 43, 53].flatMap((digits) =>
  [1n, 2n ** 31n, 2n ** 31n + 1n, 2n ** 32n].map((by) => ({ digits, by })),
);
for (const { digits, by } of cases) {
  t.test(
    `shares of parts of ${digits} binary digits are told apart where their products differ by ${by}`,
    async (t) => {
      const random = new Random(`exact ${digits}`);
      for (let found = 0; found < 100; ) {
        const [m, n] = [ofDigits(digits, random), ofDigits(digits, random)];
        const near = neighbours(m, n, by);
        if (near === undefined) continue;
        found++;
        const { a, b } = near;
        // a / m is more than b / n, by that much of m * n.
        if (next(a, m, b, n) !== 'of-mem') t.fail(`${a}/${m} is more than ${b}/${n}`);
        if (next(b, n, a, m) !== 'of-cpus') t.fail(`${b}/${n} is less than ${a}/${m}`);
      }
      t.pass();
    },
  );
}
