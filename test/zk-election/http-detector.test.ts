import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { SystemClock, type Upid } from '@mesos-ts/process';
import { HttpDetector, type Leader } from '@mesos-ts/zk-election';
import { pino } from 'pino';
import t from 'tap';

const master = { id: 'id-1', pid: 'master@m1#x1', hostname: 'host1', version: '0.1.0' };
const nobody: Leader = { pid: 'master@nobody' as Upid, epoch: 1 };

/** What a master answers from now on; a detector of it, and what that warned of. */
async function watched(t: Tap, answer: RequestListener): Promise<Watched> {
  const it = { answer };
  const server = createServer((request, response) => it.answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const warnings: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => warnings.push(line) });
  const detector = new HttpDetector({ clock: new SystemClock(), log, host: '127.0.0.1', port, pollMs: 20 });
  t.teardown(async () => {
    await detector.close();
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(it, { server, detector, warnings });
}

type Tap = Pick<typeof t, 'teardown'>;
interface Watched {
  answer: RequestListener;
  readonly server: Server;
  readonly detector: HttpDetector;
  readonly warnings: string[];
}

const says =
  (health: unknown): RequestListener =>
  (request, response) => {
    response.statusCode = request.url === '/health' ? 200 : 404;
    response.end(JSON.stringify(health));
  };

t.test('the master at a host and port leads when it says so, with the epoch that it says', async (t) => {
  const it = await watched(t, says({ state: 'standby', master }));
  t.equal(await it.detector.detect(nobody), undefined);
  it.answer = says({ state: 'recovering', epoch: 3, master });
  const next = it.detector.detect(undefined);
  it.answer = says({ state: 'leading', epoch: 4, master });
  const leader = await next;
  t.same(leader, { pid: 'master@m1#x1', epoch: 4, info: master });
  it.answer = says({ state: 'standby', master, leader: { ...master, pid: 'master@m2#y2' } });
  t.equal(await it.detector.detect(leader), undefined, 'another that leads is nothing to this address');
  t.same(it.warnings, []);
});

t.test('a master that is gone is waited for, with one word on why', async (t) => {
  const it = await watched(t, says({ state: 'leading', epoch: 4, master }));
  const leader = await it.detector.detect();
  it.answer = (request) => request.socket.destroy();
  t.equal(await it.detector.detect(leader), undefined);
  it.answer = says({ state: 'leading', epoch: 1, master: { ...master, pid: 'master@m1#x2' } });
  t.match(await it.detector.detect(undefined), { pid: 'master@m1#x2', epoch: 1 });
  t.equal(it.warnings.length, 1);
});

t.test('what answers without being a master leads nobody', async (t) => {
  const it = await watched(t, says({}));
  for (const answer of [
    says({}),
    says({ state: 'leading', epoch: 0.5, master }),
    says({ state: 'leading', epoch: 4, master: { ...master, pid: 'no upid' } }),
    says(['x'.repeat(100_000)]),
    ((_, response) => response.end('{')) as RequestListener,
    ((_, response) => response.writeHead(302, { location: '/elsewhere' }).end()) as RequestListener,
  ]) {
    it.answer = says({ state: 'leading', epoch: 4, master });
    const leader = await it.detector.detect(undefined);
    it.answer = answer;
    t.equal(await it.detector.detect(leader), undefined);
  }
});

t.test('closing ends an answer that does not come', async (t) => {
  const it = await watched(t, () => undefined);
  const asked = once(it.server, 'request');
  const detection = it.detector.detect();
  await asked;
  await it.detector.close();
  await t.rejects(detection, { code: 'ELECTION_CLOSED' });
});
