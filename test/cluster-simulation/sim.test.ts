import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const program = fileURLToPath(new URL('./programs/sim.js', import.meta.url));

async function run(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args]);
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

t.test(
  'npm run sim tells which invariant a seed breaks, how to replay it, and what was about its subject',
  async (t) => {
    const { code, output } = await run('--planted', 'acknowledged-before-stored', '--seeds', '40', '--from', 'test');
    t.equal(code, 0, 'the bug was to be found');
    const [, seed = '', task = ''] =
      /does not hold for seed (\S+) .*: tasks: the framework of (\S+) was told/.exec(output) ?? [];
    t.match(output, `replay it with: npm run sim -- --planted acknowledged-before-stored --seed ${seed}\n`);
    t.match(output, new RegExp(`^of its lines about ${task}, the last of \\d+:\n.*${task}`, 'm'));
    t.match(output, /^found after \d+ seeds$/m);
    const again = await run('--planted', 'acknowledged-before-stored', '--seed', seed);
    t.match(again.output, `the framework of ${task} was told`);
  },
);

t.test('npm run sim refuses what it cannot do', async (t) => {
  t.same(await run('--seeds', '0'), { code: 2, output: '--seeds cannot be 0\n' });
  t.match(await run('--planted', 'nothing'), {
    code: 2,
    output: /no planted bug is called nothing; there are no-fencing/,
  });
});
