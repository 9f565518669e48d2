import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { findNatsServer, NatsServerNotFoundError, NatsServerStartError, startNatsServer } from '@mesos-ts/cli';
import { connect, StringCodec } from 'nats';
import t from 'tap';

/** Whether a process exists. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits for something that another OS process does, where no event tells. */
async function until(what: string, isSo: () => boolean, withinMs: number): Promise<void> {
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await sleep(10)) if (isSo()) return;
  throw new Error(`not so within ${withinMs} ms: ${what}`);
}

interface Program {
  readonly pid: number;
  readonly serverPid: number;
  readonly storeDir: string;
  /** The next line it prints. */
  nextLine(): Promise<string>;
}

/** Runs, in a process group of its own, a small program that starts a server; on SIGINT it looks for it and ends. */
async function startInChild(): Promise<Program> {
  const program = `
    import { startNatsServer } from ${JSON.stringify(import.meta.resolve('@mesos-ts/cli'))};
    const server = await startNatsServer();
    let ended = false;
    void server.exited.then(() => { ended = true; });
    process.on('SIGINT', () => setTimeout(() => {
      console.log(ended ? 'the server is gone' : 'the server is there');
      process.exit();
    }, 200));
    console.log(JSON.stringify([server.pid, server.storeDir]));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  const [serverPid, storeDir] = JSON.parse(await nextLine()) as [number, string];
  return { pid: child.pid ?? 0, serverPid, storeDir, nextLine };
}

t.test('a server on a free port greets clients, carries messages and leaves nothing behind', async (t) => {
  const server = await startNatsServer();
  t.ok(server.port > 0);
  t.equal(server.url, `nats://127.0.0.1:${server.port}`);
  t.ok(alive(server.pid));
  const client = await connect({ servers: server.url });
  const answers = client.subscribe('question', { callback: (_error, message) => void message.respond('yes') });
  t.equal(StringCodec().decode((await client.request('question')).data), 'yes');
  answers.unsubscribe();
  t.equal(client.info?.max_payload, 1024 * 1024);
  await client.close();
  const storeDir = server.storeDir ?? '';
  t.ok(existsSync(storeDir));
  await server.stop();
  await server.stop();
  t.notOk(alive(server.pid));
  t.notOk(existsSync(join(storeDir, '..')), 'the temporary folder is gone');
  t.ok(server.logLines().some((line) => line.includes('Server is ready')));
});

t.test('JetStream is there by default and absent when it is not wanted', async (t) => {
  const [withIt, without] = await Promise.all([startNatsServer(), startNatsServer({ jetstream: false })]);
  t.not(withIt.port, without.port);
  const first = await connect({ servers: withIt.url });
  const second = await connect({ servers: without.url });
  t.equal(first.info?.jetstream, true);
  t.not(second.info?.jetstream, true);
  t.equal(without.storeDir, undefined);
  await Promise.all([first.close(), second.close()]);
  await Promise.all([withIt.stop(), without.stop()]);
});

t.test('after a crash a server comes back on the same port and with the same streams', async (t) => {
  const storeDir = join(t.testdir({}), 'a store with spaces');
  const server = await startNatsServer({ storeDir });
  const client = await connect({ servers: server.url, reconnect: false });
  const bucket = await client.jetstream().views.kv('facts');
  await bucket.put('answer', '42');
  server.kill('SIGKILL');
  t.same(await server.exited, { code: null, signal: 'SIGKILL' });
  server.kill('SIGKILL');
  await client.closed();

  const next = await startNatsServer({ storeDir, port: server.port });
  t.equal(next.port, server.port);
  const again = await connect({ servers: next.url });
  t.equal((await (await again.jetstream().views.kv('facts')).get('answer'))?.string(), '42');
  await again.close();
  await next.stop();
  t.ok(existsSync(storeDir), 'a folder that was asked for stays');
});

t.test('a server that hangs is stopped by force', async (t) => {
  const server = await startNatsServer({ jetstream: false });
  server.kill('SIGSTOP');
  await server.stop();
  t.same(await server.exited, { code: null, signal: 'SIGKILL' });
  t.notOk(alive(server.pid));
});

t.test('a port in use gives an error that names it', async (t) => {
  const other = createServer();
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const error: unknown = await startNatsServer({ port }).catch((error: unknown) => error);
  t.ok(error instanceof NatsServerStartError);
  t.match(String(error), `Port ${port} is in use`);
  t.match(String(error), /\[FTL\].*address already in use/, "the server's own words are there");
  t.notMatch(String(error), '[INF]');
  await new Promise((closed) => other.close(closed));
});

t.test('other mistakes are told apart', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file');
  await t.rejects(startNatsServer({ storeDir: file }), { message: /The store folder .*file cannot be used/ });
  await t.rejects(startNatsServer({ config: 'accounts { A { users: 7 } }' }), { code: 'NATS_SERVER_START' });
  await t.rejects(startNatsServer({ binary: '/nowhere/nats-server' }), { message: /Is it an executable/ });
});

t.test('further configuration is taken, such as accounts', async (t) => {
  const server = await startNatsServer({ config: 'authorization { user: ada, password: "secret" }', debug: true });
  await t.rejects(connect({ servers: server.url }), { code: 'AUTHORIZATION_VIOLATION' });
  const client = await connect({ servers: server.url, user: 'ada', pass: 'secret' });
  await client.close();
  await server.stop();
  t.ok(server.logLines().some((line) => line.includes('[DBG]')));
});

t.test('no server and no folder outlive a parent that is killed with -9', async (t) => {
  const { pid, serverPid, storeDir } = await startInChild();
  t.ok(alive(serverPid) && existsSync(storeDir));
  process.kill(pid, 'SIGKILL');
  await until('the server is gone', () => !alive(serverPid), 3_000);
  await until('the temporary folder is gone', () => !existsSync(join(storeDir, '..')), 3_000);
});

t.test("a terminal's Ctrl-C reaches the program alone; its server ends with it", async (t) => {
  const { pid, serverPid, storeDir, nextLine } = await startInChild();
  process.kill(-pid, 'SIGINT');
  t.equal(await nextLine(), 'the server is there');
  await until('the server is gone', () => !alive(serverPid), 3_000);
  await until('the temporary folder is gone', () => !existsSync(join(storeDir, '..')), 3_000);
});

t.test('where no nats-server is to be had, the error says how to get one', async (t) => {
  const folder = t.testdir({});
  const env = { PATH: '', HOME: folder };
  const error: unknown = await findNatsServer({ env, systemFolders: [] }).catch((error: unknown) => error);
  t.ok(error instanceof NatsServerNotFoundError);
  for (const way of ['apt-get install nats-server', 'brew install nats-server', 'docker run', 'https://nats.io'])
    t.match(String(error), way);
  t.same(readdirSync(folder), [], 'nothing was left');
  await t.rejects(findNatsServer({ env: { ...env, NATS_SERVER: '/nowhere' } }), {
    message: 'NATS_SERVER is set to /nowhere, which is not an executable file; correct or unset it.',
  });
});

t.test('a package that cannot be had, or has no server in it, leaves no half binary', async (t) => {
  const folder = t.testdir({ bin: { 'apt-get': '#!/bin/sh\necho E: no network >&2\nexit 100\n', dpkg: '' }, home: {} });
  const bin = join(folder, 'bin');
  for (const name of ['apt-get', 'dpkg']) chmodSync(join(bin, name), 0o755);
  const look = (): Promise<string> =>
    findNatsServer({ env: { PATH: bin, HOME: join(folder, 'home') }, systemFolders: [] });
  await t.rejects(look(), { code: 'NATS_SERVER_NOT_FOUND', message: /no network[\s\S]*apt-get install/ });
  writeFileSync(join(bin, 'apt-get'), '#!/bin/sh\n: > nats-server.deb\n');
  writeFileSync(join(bin, 'dpkg'), '#!/bin/sh\nexit 0\n');
  await t.rejects(look(), { code: 'NATS_SERVER_NOT_FOUND' });
  t.same(readdirSync(join(folder, 'home', '.cache', 'mesos-ts')), []);
});

t.test('a server is found by NATS_SERVER, on PATH, and in the cache, in this order', async (t) => {
  const script = '#!/bin/sh\n';
  const cached = `nats-server-${process.platform}-${process.arch}`;
  const folder = t.testdir({
    named: script,
    bin: { 'nats-server': script },
    sbin: { 'nats-server': script },
    cache: { 'mesos-ts': { [cached]: script } },
  });
  const all = ['named', 'bin/nats-server', 'sbin/nats-server', `cache/mesos-ts/${cached}`].map((p) => join(folder, p));
  for (const path of all) chmodSync(path, 0o755);
  const [named = '', onPath, inSystem, inCache] = all;
  const env = { PATH: `/nowhere:${join(folder, 'bin')}`, XDG_CACHE_HOME: join(folder, 'cache') };
  const systemFolders = [join(folder, 'sbin')];
  t.equal(await findNatsServer({ env: { ...env, NATS_SERVER: named }, systemFolders }), named);
  t.equal(await findNatsServer({ env, systemFolders }), onPath);
  t.equal(await findNatsServer({ env: { ...env, PATH: '' }, systemFolders }), inSystem);
  t.equal(await findNatsServer({ env: { ...env, PATH: '' }, systemFolders: [] }), inCache);
});
