import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { eventually, isAlive, MesosCommand, runMesos } from '../support/command.js';
import { processesWith } from '../support/processes.js';
import { within } from '../support/within.js';

const own = { NATS_URL: undefined };

/** The folder of the cluster, which all its processes name in their command lines, and their ids. */
function idsIn(lines: string): number[] {
  return [...lines.matchAll(/\(process (\d+)\)/g)].map((match) => Number(match[1]));
}

t.test('mesos start --exit computes pi and ln 2, ends with 0 and leaves nothing behind', async (t) => {
  const { stdout, stderr, code } = await runMesos(['start', '--exit'], own);
  t.equal(code, 0, stderr);
  t.match(stdout, /^pi = 3\.14159265\d*\s/m);
  t.match(stdout, /^ln 2 = 0\.693147180\d*\s/m);
  t.match(stderr, /^leader {3}master@m[123]#\w+ epoch 1 /m);
  t.match(stderr, /pi: 2 of 2 tasks done/, 'plain lines of progress where there is no terminal');
  const ids = idsIn(stderr);
  t.equal(ids.length, 6, 'a NATS server, three masters and two agents');
  t.notOk(ids.some(isAlive));
});

t.test('mesos start stays up, says what to try next with the real address, and ends on Ctrl-C', async (t) => {
  const start = new MesosCommand(['start'], own);
  const hint = await start.line(/export NATS_URL=/);
  const url = /NATS_URL=(\S+)/.exec(hint)?.[1] ?? '';
  await start.line(/^Ctrl-C here ends everything/);
  const leads = await runMesos(['resolve'], { NATS_URL: url });
  t.match(leads.stdout, /^master@m[123]#\w+ epoch 1 on /);
  start.child.kill('SIGINT');
  const { stderr, code } = await within('the end of mesos start', start.outcome);
  t.equal(code, 0, stderr);
  t.notOk(idsIn(stderr).some(isAlive));
});

t.test('nothing of the cluster outlives a parent that is killed with -9', async (t) => {
  const start = new MesosCommand(['start'], own);
  const folder = /logs and sandboxes are in ([^;]+)\./.exec(await start.line(/logs and sandboxes are in/))?.[1] ?? '';
  await start.line(/^Ctrl-C here ends everything/);
  t.ok(existsSync(folder));
  start.child.kill('SIGKILL');
  const { stderr } = await within('the end of mesos start', start.outcome);
  const ids = idsIn(stderr);
  t.equal(ids.length, 6);
  await eventually('all processes of the cluster end', () => !ids.some(isAlive));
  await eventually('its folder is removed', () => !existsSync(folder));
});

t.test('Ctrl-C on a terminal, which reaches the whole process group, ends the cluster in order', async (t) => {
  const program = fileURLToPath(new URL('../../../packages/cli/bin/mesos.js', import.meta.url));
  const child = spawn(process.execPath, [program, 'start'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...own, MESOS_CLUSTER: 'grouped' },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  await eventually('an agent was started', () => idsIn(stderr).length === 6);
  process.kill(-(child.pid ?? 0), 'SIGINT');
  const code = await within('the end of mesos start', new Promise((resolve) => child.once('close', resolve)));
  t.equal(code, 0, stderr);
  t.notOk(idsIn(stderr).some(isAlive));
  await eventually('all that was started ends', () => processesWith('MESOS_CLUSTER=grouped').length === 0);
});
