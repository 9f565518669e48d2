import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startNatsServer } from '@mesos-ts/cli';
import t from 'tap';

const folder = fileURLToPath(new URL('../../../packages/process/examples/', import.meta.url));

/** What each example prints, which is what its reader is told to expect. */
const expected: Readonly<Record<string, RegExp>> = {
  counter: /^the total is 55\n$/,
  'ping-pong': /^1000 rounds with ponger@ponger\nponger@ponger is gone: node-down\n$/,
  'supervised-workers':
    /^1 \/ 0: REFUSED\n6 \/ 4: 1\.5, by the same worker\nsite#\w+\n[\s\S]*worker\(1\): \w+, 0 waiting, 1 restart\n/,
  'virtual-clock': /^three days passed, and the alarm rang once\n$/,
};

t.test('every example runs with one command and prints what it says', async (t) => {
  const nats = await startNatsServer({ jetstream: false });
  t.teardown(() => nats.stop());
  const names = readdirSync(folder).flatMap((file) => (file.endsWith('.ts') ? [file.replace('.ts', '')] : []));
  t.same(names.sort(), Object.keys(expected).sort());
  for (const name of names) {
    const run = promisify(execFile)(process.execPath, [`${folder}build/${name}.js`], {
      env: { ...process.env, NATS_URL: nats.url },
    });
    t.match((await run).stdout, expected[name], name);
  }
});
