import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort, ZookeeperServer, zookeeperShell } from '@mesos-ts/cli/testing';
import { Random, SystemClock, type Upid } from '@mesos-ts/process';
import type { MasterId, MasterInfo } from '@mesos-ts/protocol';
import {
  type Contender,
  createContender,
  createDetector,
  type Detector,
  type ElectionOptions,
  type Leader,
  ZookeeperRefused,
  ZookeeperUnreachable,
} from '@mesos-ts/zk-election';
import { type Logger, pino } from 'pino';
import t from 'tap';
import { eventually } from '../support/command.js';
import { within } from '../support/within.js';
import { CandidateProcess } from './candidate-process.js';

/** The longest session that a server with ticks of 100 ms grants: nothing but a failure is to end one. */
const sessionTimeoutMs = 2_000;
t.setTimeout(240_000);

const master = (name: string): MasterInfo => ({
  id: `${name}-id` as MasterId,
  pid: `master@${name}#1` as Upid,
  hostname: name,
  version: '0',
  address: { hostname: name, ip: '127.0.0.1', port: 5050 },
});

/** What one test uses, torn down in the reverse order. */
class World {
  readonly #ends: (() => unknown)[] = [];

  constructor(
    t: Pick<Tap, 'teardown'>,
    readonly address: string,
  ) {
    t.teardown(async () => {
      for (const end of this.#ends.reverse()) await within('the end of what the test used', Promise.resolve(end()));
    });
  }

  onEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  options(more: Partial<ElectionOptions> = {}): ElectionOptions {
    return { clock: new SystemClock(), random: Random.system(), sessionTimeoutMs, ...more };
  }

  contender(address = this.address, more: Partial<ElectionOptions> = {}): Contender {
    const contender = createContender(address, this.options(more));
    this.onEnd(() => contender.close());
    return contender;
  }

  detector(address = this.address, more: Partial<ElectionOptions> = {}): Detector {
    const detector = createDetector(address, this.options(more));
    this.onEnd(() => detector.close());
    return detector;
  }

  candidate(name: string, address = this.address): CandidateProcess {
    const candidate = new CandidateProcess(address, name, sessionTimeoutMs);
    this.onEnd(() => candidate.kill('SIGKILL'));
    return candidate;
  }
}

type Tap = typeof t;

/** The next leader other than `previous`. */
async function nextLeader(detector: Detector, previous?: Leader): Promise<Leader> {
  for (let seen = previous; ; ) {
    seen = await within('a change of leader', detector.detect(seen));
    if (seen !== undefined && seen.epoch !== previous?.epoch) return seen;
  }
}

/** The lines of the log that were at least warnings. */
function warnings(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, log: pino({ level: 'warn' }, { write: (line) => lines.push(line) }) };
}

/** Whether a server says that it serves clients. */
async function serves(address: string): Promise<boolean> {
  const [host = '', port = ''] = address.split(':');
  const socket = connect(Number(port), host, () => socket.write('srvr'));
  let said = '';
  socket.on('data', (data) => {
    said += data.toString();
  });
  await within(
    'an answer to srvr',
    once(socket, 'close').catch(() => undefined),
  );
  return said.includes('Mode: ');
}

const server = await ZookeeperServer.start();
t.teardown(() => server.stop());
let paths = 0;
/** An election of its own on the one server. */
const fresh = (credentials = ''): string => `zk://${credentials}${server.address}/test/${++paths}`;

t.test('three contenders give one leader, and a resignation hands over at once', async (t) => {
  const world = new World(t, fresh());
  const detector = world.detector();
  const contenders = ['a', 'b', 'c'].map((name) => ({ name, contender: world.contender() }));
  const none = await within('word of the leader', detector.detect({ pid: 'master@none' as Upid, epoch: 1 }));
  t.equal(none, undefined, 'nobody leads at first');
  const contests = contenders.map(async ({ name, contender }) => ({
    name,
    contender,
    leadership: await contender.contend(master(name)),
  }));
  const first = await within('a leader', Promise.race(contests));
  t.ok(first.leadership.isValid());
  const leader = await nextLeader(detector);
  t.match(leader, { pid: `master@${first.name}#1`, epoch: first.leadership.epoch, info: master(first.name) });
  const resigned = first.contender.resign();
  t.notOk(first.leadership.isValid(), 'from the moment on at which it resigns');
  t.equal(await within('the end of the leadership', first.leadership.lost), 'resigned');
  await within('the resignation', resigned);
  const others = contests.filter((_, index) => contenders[index]?.name !== first.name);
  const second = await within('a successor', Promise.race(others));
  t.ok(second.leadership.epoch > first.leadership.epoch);
  t.match(await nextLeader(detector, leader), {
    pid: `master@${second.name}#1`,
    after: { pid: leader.pid, epoch: leader.epoch },
  });
  // Who has resigned is the last in the order.
  const again = first.contender.contend(master(first.name));
  await within('the second to close', second.contender.close());
  const last = contests[contenders.findIndex(({ name }) => name !== first.name && name !== second.name)];
  const third = await within('the third', last as (typeof contests)[number]);
  t.ok(third.leadership.epoch > second.leadership.epoch);
  await within('the third to close', third.contender.close());
  t.ok((await within('the first again', again)).epoch > third.leadership.epoch);
});

t.test("ZooKeeper's own shell finds the leader where Mesos' clients look, and as they read it", async (t) => {
  const world = new World(t, fresh());
  const leadership = await within('a leads', world.contender().contend(master('a')));
  void world
    .contender()
    .contend(master('b'))
    .catch(() => undefined);
  const path = world.address.slice(world.address.indexOf('/test'));
  let names: string[] = [];
  await eventually('two members', async () => {
    names =
      /^\[(.*)\]$/m
        .exec(await zookeeperShell(server, 'ls', path))?.[1]
        ?.split(', ')
        .sort() ?? [];
    return names.length === 2;
  });
  t.match(names, [/^json\.info_\d{10}$/, /^json\.info_\d{10}$/]);
  const found = /^\{.*\}$/m.exec(await zookeeperShell(server, 'get', `${path}/${names[0]}`))?.[0] ?? '';
  t.match(JSON.parse(found), {
    id: 'a-id',
    ip: 16_777_343,
    port: 5050,
    pid: 'master@127.0.0.1:5050',
    hostname: 'a',
    address: { hostname: 'a', ip: '127.0.0.1', port: 5050 },
    mesos_ts: { pid: 'master@a#1', epoch: leadership.epoch },
  });
  const stat = await zookeeperShell(server, 'stat', `${path}/${names[0]}`);
  t.match(stat, new RegExp(`^cZxid = 0x${leadership.epoch.toString(16)}$`, 'm'));
  t.notMatch(stat, /^ephemeralOwner = 0x0$/m);
  await zookeeperShell(server, 'delete', `${path}/${names[0]}`);
  t.match(await within('a has lost', leadership.lost), /our node in ZooKeeper was removed/);
  t.notOk(leadership.isValid());
});

t.test('when the process of the leader is killed with -9, another leads once its session has ended', async (t) => {
  const world = new World(t, fresh());
  const detector = world.detector();
  const a = world.candidate('a');
  const epoch = await a.elected;
  const leader = await nextLeader(detector);
  t.match(leader, { pid: 'master@a#1', epoch });
  const b = world.candidate('b');
  await a.kill('SIGKILL');
  t.ok((await b.elected) > epoch);
  t.match(await nextLeader(detector, leader), { pid: 'master@b#1', after: { pid: 'master@a#1' } });
});

t.test('a frozen leader is replaced, and knows it when it thaws', async (t) => {
  const world = new World(t, fresh());
  const a = world.candidate('a');
  const epoch = await a.elected;
  t.equal(await a.ask(), 'sure');
  const b = world.candidate('b');
  a.signal('SIGSTOP');
  t.ok((await b.elected) > epoch);
  // It is asked before it thaws, so this is among the first things that it hears.
  const answer = a.ask();
  a.signal('SIGCONT');
  t.match(await answer, /^(unsure|lost )/, 'it knows already');
  t.match(await a.lost, /in time/);
  t.equal(await a.exited, 0, 'and leaves nothing behind');
  t.equal(await b.ask(), 'sure');
});

t.test('a frozen ZooKeeper costs the leadership before it can end the session', async (t) => {
  const frozen = await ZookeeperServer.start();
  const world = new World(t, `zk://${frozen.address}/mesos`);
  world.onEnd(() => frozen.stop());
  const contender = world.contender();
  const leadership = await within('a leads', contender.contend(master('a')));
  await frozen.kill('SIGSTOP');
  t.match(await within('a has lost', leadership.lost), /in time/);
  t.notOk(leadership.isValid());
  const again = contender.contend(master('a'));
  await frozen.kill('SIGCONT');
  t.ok((await within('a leads again', again)).epoch > leadership.epoch);
});

t.test('through restarts of ZooKeeper the epoch grows and exactly one leads', async (t) => {
  const restarted = await ZookeeperServer.start();
  const world = new World(t, `zk://${restarted.address}/mesos`);
  world.onEnd(() => restarted.stop());
  const detector = world.detector();
  const contenders = ['a', 'b'].map((name) => ({ name, contender: world.contender(), leads: false, epoch: 0 }));
  const epochs: number[] = [];
  for (const one of contenders)
    void (async () => {
      for (;;) {
        const leadership = await one.contender.contend(master(one.name));
        epochs.push(leadership.epoch);
        one.epoch = leadership.epoch;
        one.leads = true;
        await leadership.lost;
        one.leads = false;
      }
    })().catch(() => undefined); // it was closed
  let leader = await nextLeader(detector);
  for (let round = 0; round < 2; round++) {
    await restarted.kill('SIGKILL');
    await restarted.start();
    await eventually('one leads, and the detector knows', async () => {
      const leading = contenders.filter(({ leads }) => leads);
      const seen = await Promise.race([detector.detect(leader), Promise.resolve(leader)]);
      leader = seen ?? leader;
      return leading.length === 1 && leading[0]?.epoch === seen?.epoch;
    });
  }
  t.same(
    epochs,
    [...new Set(epochs)].sort((a, b) => a - b),
  );
});

t.test('three servers that lose one go on holding the election', async (t) => {
  const servers = await ZookeeperServer.ensemble(3);
  const world = new World(t, `zk://${servers.map(({ address }) => address).join(',')}/mesos`);
  world.onEnd(() => Promise.all(servers.map((one) => one.stop())));
  const detector = world.detector();
  const contenders = ['a', 'b', 'c'].map((name) => ({ name, contender: world.contender() }));
  const epochs: number[] = [];
  const valid = new Set<string>();
  for (const { name, contender } of contenders)
    void (async () => {
      for (;;) {
        const leadership = await contender.contend(master(name));
        epochs.push(leadership.epoch);
        valid.add(name);
        await leadership.lost;
        valid.delete(name);
      }
    })().catch(() => undefined); // it was closed
  await nextLeader(detector);
  for (const one of servers) {
    await one.kill('SIGKILL');
    // Whoever is first now has written through the majority that is left.
    await eventually('one leads', () => valid.size === 1);
    const writer = world.contender(`zk://${servers.map(({ address }) => address).join(',')}/other`);
    // At first the two may not have found each other, and turn newcomers away.
    await eventually('a newcomer leads elsewhere', async () => {
      const leadership = await writer.contend(master('w')).catch(() => undefined);
      return leadership?.isValid() === true;
    });
    await writer.close();
    await one.start();
  }
  await eventually('the detector names the last that was elected', async () => {
    const seen = await Promise.race([detector.detect(undefined), Promise.resolve(undefined)]);
    return valid.size === 1 && seen?.epoch === Math.max(...epochs);
  });
  t.same(
    epochs,
    [...new Set(epochs)].sort((a, b) => a - b),
  );
});

t.test('whoever comes while the servers have no leader waits for one', async (t) => {
  const servers = await ZookeeperServer.ensemble(3);
  const world = new World(t, `zk://${servers[0]?.address}/test`);
  world.onEnd(() => Promise.all(servers.map((one) => one.stop())));
  await Promise.all(servers.slice(1).map((one) => one.kill('SIGKILL')));
  await eventually('the one that is left serves nobody', async () => !(await serves(servers[0]?.address ?? '')));
  const { log, lines } = warnings();
  const waiting = world.contender(world.address, { log }).contend(master('a'));
  const told = (): number => lines.filter((line) => line.includes('ZooKeeper has no leader yet')).length;
  await eventually('it says so', () => told() === 1);
  const given = world.contender();
  const refused = t.rejects(given.contend(master('b')), { code: 'ELECTION_CLOSED' });
  await within('one that is closed ends', Promise.all([given.close(), refused]));
  await within('a second server is there', servers[1]?.start() ?? Promise.reject());
  t.ok((await within('it leads', waiting)).isValid());
  t.equal(told(), 1, 'it was said once');
});

t.test('with user and password only they may write, and everybody may read; neither is shown', async (t) => {
  const secret = fresh('joe:hush%2Fhush@');
  const open = secret.replace(/joe.*@/, '');
  const world = new World(t, secret);
  const { log, lines } = warnings();
  const contender = world.contender(secret, { log: log.child({}, { level: 'trace' }) });
  const leadership = await within('a leads', contender.contend(master('a')));
  const path = open.slice(open.indexOf('/test'));
  t.match(await zookeeperShell(server, 'getAcl', path), /'world,'anyone\s*: r\s*'digest,'joe:\S+\s*: cdrwa/);
  t.match(await nextLeader(world.detector(open)), { epoch: leadership.epoch });
  for (const wrong of [open, secret.replace('joe', 'jim'), secret.replace('hush', 'hash')]) {
    const error = await world
      .contender(wrong, { log })
      .contend(master('b'))
      .then(
        () => undefined,
        (refused) => refused,
      );
    t.ok(error instanceof ZookeeperRefused, wrong);
    t.match(error.message, new RegExp(`at ${path} .*check user and password`));
    t.notMatch(error.message, /hush|hash/);
  }
  t.notMatch(lines.join(''), /hush|hash/);
  t.ok(leadership.isValid());
});

t.test('garbage and strangers in the group are passed over, with a word', async (t) => {
  const world = new World(t, fresh());
  const path = world.address.slice(world.address.indexOf('/test'));
  for (const node of ['/test', path, `${path}/log_replicas`]) await zookeeperShell(server, 'create', node, '');
  await zookeeperShell(server, 'create', '-s', `${path}/json.info_`, 'rubbish');
  await zookeeperShell(server, 'create', '-s', `${path}/json.info_`, '{"mesos_ts":{"pid":7}}');
  await zookeeperShell(server, 'create', '-s', `${path}/unknown_`, '{}');
  const { log, lines } = warnings();
  const leadership = await within('a leads', world.contender(world.address, { log }).contend(master('a')));
  t.match(await nextLeader(world.detector()), { pid: 'master@a#1', epoch: leadership.epoch });
  for (const told of [/log_replicas/, /not JSON/, /no MasterInfo/, /unknown_/]) t.match(lines.join(''), told);
});

t.test('behind a master of the original nobody of ours leads, until that is gone', async (t) => {
  const world = new World(t, fresh());
  const path = world.address.slice(world.address.indexOf('/test'));
  for (const node of ['/test', path]) await zookeeperShell(server, 'create', node, '');
  const original = '{"hostname":"h","id":"x","ip":1,"pid":"master@1.2.3.4:5050","port":5050,"version":"1.12.0"}';
  await zookeeperShell(server, 'create', '-s', `${path}/json.info_`, original);
  const { log, lines } = warnings();
  const detector = world.detector(world.address, { log });
  t.equal(await within('word of the leader', detector.detect({ pid: 'master@none' as Upid, epoch: 1 })), undefined);
  t.match(lines.join(''), /a master of another kind leads.*master@1\.2\.3\.4:5050 on h/);
  const contest = world.contender().contend(master('a'));
  await eventually('it has joined', async () => /, json/.test(await zookeeperShell(server, 'ls', path)));
  const name = /\[(json\.info_\d+),/.exec(await zookeeperShell(server, 'ls', path))?.[1];
  await zookeeperShell(server, 'delete', `${path}/${name}`);
  t.ok((await within('a leads', contest)).isValid());
});

t.test('a server that is not there gives an error that names the address; later it can be tried again', async (t) => {
  const port = await freePort();
  const world = new World(t, `zk://127.0.0.1:${port}/mesos`);
  const contender = world.contender();
  const expected = { code: 'ELECTION_ZOOKEEPER_UNREACHABLE', message: new RegExp(`127.0.0.1:${port} .*ECONNREFUSED`) };
  await t.rejects(contender.contend(master('a')), expected);
  await t.rejects(world.detector().detect(), expected);
  const meddler = new Meddler(server.address, port);
  world.onEnd(() => meddler.close());
  await meddler.listening;
  t.ok((await within('a leads', contender.contend(master('a')))).isValid());
});

t.test('what is no ZooKeeper is told apart from one, whatever it says', async (t) => {
  const huge = Buffer.alloc(5_000_000, 1);
  huge.writeInt32BE(2 ** 30);
  const negative = Buffer.alloc(64, 255);
  const tiny = Buffer.from([0, 0, 0, 2, 1, 1]);
  for (const [what, answer] of [
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['nothing', undefined],
    ['negative lengths', negative],
    ['too short a frame', tiny],
    ['a frame without end', huge],
  ] as const) {
    const sockets = new Set<Socket>();
    const impostor = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      if (answer !== undefined) socket.write(answer);
    }).listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    const world = new World(t, `zk://127.0.0.1:${(impostor.address() as { port: number }).port}/mesos`);
    world.onEnd(() => impostor.close());
    world.onEnd(() => {
      for (const socket of sockets) socket.destroy();
    });
    await t.rejects(world.contender().contend(master('a')), ZookeeperUnreachable, what);
  }
});

t.test('a connection that is cut in the middle of an answer costs nothing', async (t) => {
  const meddler = new Meddler(server.address);
  await meddler.listening;
  const path = fresh().slice(`zk://${server.address}`.length);
  const world = new World(t, `zk://127.0.0.1:${meddler.port}${path}`);
  world.onEnd(() => meddler.close());
  const leadership = await within('a leads', world.contender().contend(master('a')));
  for (let cut = 1; cut <= 3; cut++) {
    await within('an answer to cut', meddler.cutWithinAnswer());
    await within('the next answer', meddler.answered());
  }
  t.ok(leadership.isValid());
  t.match(await nextLeader(world.detector()), { epoch: leadership.epoch });
});

t.test('closing releases everything at any time', async (t) => {
  const world = new World(t, fresh());
  const early = createContender(world.address, world.options());
  const contest = early.contend(master('a'));
  await within('close while opening', early.close());
  await t.rejects(contest, { code: 'ELECTION_CLOSED' });
  await t.rejects(early.contend(master('a')), { code: 'ELECTION_CLOSED' });
  const detector = createDetector(world.address, world.options());
  const detection = detector.detect();
  await within('close while opening', detector.close());
  await t.rejects(detection, { code: 'ELECTION_CLOSED' });
  const contender = world.contender();
  const leadership = await within('b leads', contender.contend(master('b')));
  await t.rejects(contender.contend(master('b')), { code: 'ELECTION_ALREADY_CONTENDING' });
  await within('close while leading', contender.close());
  t.equal(await within('the end of the leadership', leadership.lost), 'resigned');
  await within('close once more', contender.close());
  const path = world.address.slice(world.address.indexOf('/test'));
  t.match(await zookeeperShell(server, 'ls', path), /^\[\]$/m, 'no node is left of any of them');
});

/** Stands between a client and a server, and hurts what passes. */
class Meddler {
  readonly listening: Promise<unknown>;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  #cut: (() => void) | undefined;
  #passed: (() => void) | undefined;

  constructor(target: string, port = 0) {
    const [host = '', targetPort = ''] = target.split(':');
    this.#server = createServer((client) => {
      const upstream = connect(Number(targetPort), host);
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket.on('error', () => undefined));
        socket.on('close', () => {
          client.destroy();
          upstream.destroy();
        });
      }
      client.on('data', (data) => upstream.write(data));
      upstream.on('data', (data) => this.#pass(data, client));
    }).listen(port, '127.0.0.1');
    this.listening = once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Lets half of the next answer pass, and then ends the connection. */
  cutWithinAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.#cut = resolve;
    });
  }

  /** Resolves when the next answer has passed. */
  answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#passed = resolve;
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(data: Buffer, client: Socket): void {
    if (this.#cut === undefined) {
      client.write(data);
      this.#passed?.();
      return;
    }
    client.end(data.subarray(0, Math.floor(data.length / 2)));
    this.#cut();
    this.#cut = undefined;
  }
}
