import { startNatsServer } from '@mesos-ts/cli';
import t from 'tap';
import { MesosCommand, runMesos } from '../support/command.js';

t.test('a master that stands alone is found by where it answers HTTP', async (t) => {
  const nats = await startNatsServer({ jetstream: false });
  const environment = { NATS_URL: nats.url };
  const args = ['--election', 'standalone', '--registry', 'in_memory', '--ip', '127.0.0.1', '--port', '0'];
  const master = new MesosCommand(['master', ...args], environment);
  t.teardown(async () => {
    master.child.kill('SIGKILL');
    await master.outcome;
    await nats.stop();
  });
  const started = await master.line(/master started/);
  await master.line(/elected: leading/);
  const port = /"port":(\d+)/.exec(started)?.[1];
  t.match(await runMesos(['resolve', `127.0.0.1:${port}`], environment), {
    code: 0,
    stdout: /^master@m1#\w+ epoch 1 on /,
    stderr: '',
  });
});
