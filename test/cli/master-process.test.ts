import { startNatsServer } from '@mesos-ts/cli';
import t, { type Test } from 'tap';
import { eventually, MesosCommand, runMesos } from '../support/command.js';

/** A master that has started, with the port on which it answers HTTP. */
async function startMaster(t: Test, natsUrl: string, name: string, ...flags: readonly string[]) {
  const command = new MesosCommand(['master', '--name', name, ...flags], { NATS_URL: natsUrl });
  t.teardown(async () => {
    command.child.kill('SIGKILL');
    await command.outcome;
  });
  const line = await command.line(/master started/);
  const port = Number(/"port":(\d+)/.exec(line)?.[1]);
  return { command, port, url: `http://127.0.0.1:${port}` };
}

async function stateOf(url: string): Promise<string> {
  const response = await fetch(`${url}/health`);
  t.equal(response.status, 200);
  return ((await response.json()) as { state: string }).state;
}

async function redirectOf(url: string): Promise<string | null> {
  const response = await fetch(`${url}/master/redirect`, { redirect: 'manual' });
  await response.arrayBuffer();
  return response.status === 307 ? response.headers.get('location') : null;
}

t.test('Masters tell over HTTP who leads, through the change of hands when the leader is asked to end', async (t) => {
  const nats = await startNatsServer({});
  t.teardown(() => nats.stop());
  const first = await startMaster(t, nats.url, 'm1');
  await first.command.line(/elected: leading/);
  const second = await startMaster(t, nats.url, 'm2');
  await eventually('m2 sees that m1 leads', async () => (await redirectOf(second.url)) === `//127.0.0.1:${first.port}`);
  t.same([await stateOf(first.url), await stateOf(second.url)], ['leading', 'standby']);
  t.equal(await redirectOf(first.url), `//127.0.0.1:${first.port}`);

  const taken = await runMesos(['master', '--name', 'm3', '--ip', '127.0.0.1', '--port', String(first.port)], {
    NATS_URL: nats.url,
  });
  t.equal(taken.code, 1);
  t.match(taken.stderr, `cannot answer HTTP on 127.0.0.1:${first.port}: the port is taken: give another with --port`);

  first.command.child.kill('SIGTERM');
  t.equal((await first.command.outcome).code, 0);
  await second.command.line(/elected: leading/);
  await eventually('m2 leads', async () => (await stateOf(second.url)) === 'leading');
  t.equal(await redirectOf(second.url), `//127.0.0.1:${second.port}`);
});

t.test('A leader that cannot hold its leadership stands by, or ends with exit code 1 where it is to', async (t) => {
  for (const ends of [false, true]) {
    const nats = await startNatsServer({});
    t.teardown(() => nats.stop());
    const { command, url } = await startMaster(t, nats.url, 'm1', ...(ends ? ['--exit-on-step-down'] : []));
    await command.line(/elected: leading/);
    nats.kill('SIGKILL');
    if (!ends) {
      await eventually('it stands by', async () => (await stateOf(url)) === 'standby');
      t.equal(command.child.exitCode, null);
      continue;
    }
    const { code, stderr } = await command.outcome;
    t.equal(code, 1);
    t.match(stderr, /mesos: this master leads no more \(.*\), and --exit-on-step-down has it end/);
  }
});
