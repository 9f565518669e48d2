import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { HttpAddressUnusable, type MasterHealth, MasterHttp } from '@mesos-ts/master';
import { upid } from '@mesos-ts/process';
import type { MasterId, MasterInfo } from '@mesos-ts/protocol';
import { pino } from 'pino';
import type { Test } from 'tap';
import t from 'tap';

const log = pino({ level: 'silent' });

function info(node: string, address?: MasterInfo['address']): MasterInfo {
  const pid = upid('master', node, 'i1');
  return { id: node as MasterId, pid, hostname: 'h', version: '0', ...(address === undefined ? {} : { address }) };
}

async function serving(t: Test, health: () => MasterHealth | undefined): Promise<MasterHttp> {
  const http = await MasterHttp.start({ ip: '127.0.0.1', port: 0, hostname: 'h', log }, health);
  t.teardown(() => http.close());
  return http;
}

interface Answer {
  readonly status: number | undefined;
  readonly location: string | undefined;
  readonly body: string;
}

function ask({ address }: MasterHttp, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: address.ip, port: address.port, path, method }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, location: response.headers.location, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** What comes back until the other side closes. */
function raw({ address }: MasterHttp, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(address.port, address.ip, () => socket.write(text));
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard));
  });
}

t.test('/health is 200 whatever the master does, and says what that is and who leads', async (t) => {
  const master = info('m1', { hostname: 'h1', ip: '10.0.0.1', port: 5050 });
  let health: MasterHealth = { state: 'standby', master };
  const http = await serving(t, () => health);
  for (const path of ['/health', '/master/health', '/health?x=1']) {
    const { status, body } = await ask(http, path);
    t.equal(status, 200);
    t.same(JSON.parse(body), { state: 'standby', master });
  }
  health = { state: 'leading', epoch: 7, master, leader: master };
  t.same(JSON.parse((await ask(http, '/health')).body), { state: 'leading', epoch: 7, master, leader: master });
  t.same(await ask(http, '/health', 'HEAD'), { status: 200, location: undefined, body: '' });
});

t.test('/redirect leads to who leads, and is 503 while nobody is known to', async (t) => {
  let leader: MasterInfo | undefined;
  const http = await serving(t, () => ({
    state: 'standby',
    master: info('m1'),
    ...(leader === undefined ? {} : { leader }),
  }));
  t.match(await ask(http, '/redirect'), { status: 503, location: undefined, body: /no leading master/ });
  leader = info('m2');
  t.match(await ask(http, '/redirect'), { status: 503 }, 'one that answers no HTTP is nowhere to lead to');
  leader = info('m2', { hostname: 'h2', ip: '10.0.0.2', port: 5051 });
  for (const path of ['/redirect', '/master/redirect'])
    t.match(await ask(http, path), { status: 307, location: '//h2:5051' });
  leader = info('m2', { hostname: '::1', ip: '::1', port: 5051 });
  t.match(await ask(http, '/redirect'), { status: 307, location: '//[::1]:5051' });
  leader = info('m2', { hostname: 'evil\r\nset-cookie: a=b', ip: '10.0.0.2', port: 5051 });
  t.match(await ask(http, '/redirect'), { status: 307, location: '//10.0.0.2:5051' }, 'its name is no name of a host');
  leader = info('m2', { hostname: 'a/b', ip: 'c@d', port: 5051 });
  t.match(await ask(http, '/redirect'), { status: 503 });
});

t.test('What is asked for otherwise, or is no HTTP, is refused, and the next is answered', async (t) => {
  const http = await serving(t, () => ({ state: 'standby', master: info('m1') }));
  t.match(await ask(http, '/'), { status: 404 });
  t.match(await ask(http, '/health/../redirect'), { status: 404 });
  t.match(await ask(http, '/health', 'POST'), { status: 405 });
  t.match(await ask(http, '/redirect', 'DELETE'), { status: 405 });
  t.match(await raw(http, 'GET'.repeat(10_000)), /^HTTP\/1.1 4\d\d /);
  t.match(await raw(http, `GET /health HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1.1 431 /);
  t.match(await raw(http, 'POST /health HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n{'), /^HTTP\/1.1 405 /);
  t.match(await raw(http, '\0\u0001\u0002\r\n\r\n'), /^HTTP\/1.1 400 /);
  t.match(await ask(http, '/health'), { status: 200 });
});

t.test('Closing it ends the connections that others hold open', async (t) => {
  const http = await serving(t, () => ({ state: 'standby', master: info('m1') }));
  const idle = connect(http.address.port, http.address.ip);
  await new Promise((resolve) => idle.once('connect', resolve));
  const closed = new Promise((resolve) => idle.on('error', () => undefined).once('close', resolve));
  await ask(http, '/health');
  await http.close();
  await closed;
});

t.test('An address that cannot be used is named, with what to do', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  const start = (ip: string, port: number) => MasterHttp.start({ ip, port, hostname: 'h', log }, () => undefined);
  await t.rejects(start('127.0.0.1', port), {
    name: HttpAddressUnusable.name,
    code: 'MASTER_HTTP_ADDRESS_UNUSABLE',
    message: `cannot answer HTTP on 127.0.0.1:${port}: the port is taken: give another with --port, or 0 for any that is free`,
  });
  await t.rejects(start('192.0.2.1', 0), { message: /no such address: correct --ip/ });
});

t.test('A master that listens on the loopback alone is not called by the name of the machine', async (t) => {
  t.match((await serving(t, () => undefined)).address, { hostname: '127.0.0.1', ip: '127.0.0.1' });
  const everywhere = await MasterHttp.start({ ip: '0.0.0.0', port: 0, hostname: 'h', log }, () => undefined);
  t.teardown(() => everywhere.close());
  t.equal(everywhere.address.hostname, 'h');
  t.not(everywhere.address.ip, '0.0.0.0', 'others could not use that');
});
