import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

/** The files of all modules that are loaded when one is, as the engine's coverage lists them. */
function loadedWith(module: string, folder: string): string[] {
  execFileSync(process.execPath, ['--input-type=module', '-e', `import '${module}';`], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, NODE_V8_COVERAGE: folder },
  });
  return readdirSync(folder).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
}

t.test('the program of an executor loads nothing of elections, NATS and ZooKeeper', async (t) => {
  const all = loadedWith('@mesos-ts/frameworks', join(t.testdir(), 'all'));
  t.ok(
    all.some((url) => url.includes('/zk-election/')),
    'as the whole does',
  );
  const executors = loadedWith('@mesos-ts/frameworks/executor', join(t.testdir(), 'executor'));
  t.ok(executors.some((url) => url.endsWith('/executor-driver.js')));
  t.same(
    executors.filter((url) => /\/(zk-election|nats|node-zookeeper-client)\//.test(url)),
    [],
  );
});
