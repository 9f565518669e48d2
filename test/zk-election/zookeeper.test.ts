import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Random, type Upid } from '@mesos-ts/process';
import type { MasterId, MasterInfo } from '@mesos-ts/protocol';
import {
  decodeMember,
  ElectionAddressInvalid,
  encodeMember,
  parseElectionAddress,
  type SessionEffect,
  type SessionInput,
  sequenceOf,
  shownAddress,
  ZookeeperCandidate,
  type ZookeeperCandidateEffect,
  type ZookeeperCandidateInput,
  ZookeeperObserver,
  type ZookeeperObserverEffect,
  type ZookeeperObserverInput,
  ZookeeperSession,
} from '@mesos-ts/zk-election';
import t from 'tap';

const address = { hostname: 'host1', ip: '127.0.0.1', port: 5050 };
const info: MasterInfo = {
  id: 'id-1' as MasterId,
  pid: 'master@m1#x1' as Upid,
  hostname: 'host1',
  version: '0.1.0',
  address,
};
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const seq = (number: number, label = 'json.info_'): string => `${label}${String(number).padStart(10, '0')}`;
const [n1, n2, n3] = [seq(1), seq(2), seq(3)] as [string, string, string];

t.test('addresses of ZooKeeper are those of Mesos, with a port of their own where none is given', async (t) => {
  t.same(parseElectionAddress('zk://h1:2181,h2:2182,[::1]/mesos'), {
    type: 'zookeeper',
    servers: [
      { host: 'h1', port: 2181 },
      { host: 'h2', port: 2182 },
      { host: '::1', port: 2181 },
    ],
    path: '/mesos',
  });
  t.match(parseElectionAddress('zk://joe:p%40ss:%2F@h1/a/b/'), {
    user: { user: 'joe', password: 'p@ss:/' },
    path: '/a/b',
  });
  for (const wrong of [
    'zk://',
    'zk://h1',
    'zk://h1/',
    'zk://h1:0/mesos',
    'zk://h1:99999/mesos',
    'zk://h1,/mesos',
    'zk:///mesos',
    'zk://h1/a//b',
    'zk://h1/a/../b',
    'zk://h1/a b',
    'zk://joe@h1/mesos',
    'zk://:pw@h1/mesos',
    'zk://joe:100%@h1/mesos',
  ])
    t.throws(() => parseElectionAddress(wrong), ElectionAddressInvalid, wrong);
});

t.test('no error and no line shows the password of an address, however it is mistyped', async (t) => {
  for (const wrong of [
    'zk://joe:hush@h1',
    'zk://joe:hush@h1/',
    'zk://joe:hush/x@h1:2181/mesos',
    'zk://joe:12/hush@h1/mesos',
    'zk://joe:hu%sh@h1/mesos',
    'zk://joe:hush@h 1/mesos',
    'zk:joe:hush@h1/mesos',
    'ZK://joe:hush@h1/mesos',
    'nats://joe:hush@h1:4222/mesos',
  ]) {
    const error = t.throws(() => parseElectionAddress(wrong), ElectionAddressInvalid, wrong) as unknown as Error;
    t.notMatch(JSON.stringify({ ...error, message: error.message, stack: error.stack }), /hush|hu%sh/, wrong);
  }
  t.equal(shownAddress('zk://joe:hush@h1:2181/mesos'), 'zk://h1:2181/mesos');
  t.equal(shownAddress('master@m1'), 'master@m1');
});

t.test('a member is written as any client of Mesos reads it, with what is ours beside it', async (t) => {
  t.same(JSON.parse(text(encodeMember(info, 7))), {
    address,
    capabilities: [],
    hostname: 'host1',
    id: 'id-1',
    // The bytes 127, 0, 0, 1 as a little-endian machine reads them from the network.
    ip: 16_777_343,
    pid: 'master@127.0.0.1:5050',
    port: 5050,
    version: '0.1.0',
    mesos_ts: { pid: 'master@m1#x1', address, epoch: 7 },
  });
  t.same(decodeMember(n1, encodeMember(info, 7)), { type: 'ours', info, epoch: 7 });
  t.same(decodeMember(n1, encodeMember(info)), { type: 'ours', info });
  const { address: _, ...silent } = info;
  t.same(decodeMember(n1, encodeMember(silent, 7)), { type: 'ours', info: silent, epoch: 7 });
  const six = { ...info, address: { ...address, ip: '::1' } };
  t.match(JSON.parse(text(encodeMember(six))), { ip: 0, pid: 'master@[::1]:5050', address: { ip: '::1' } });
  const placed = { ...info, domain: { region: 'eu', zone: 'eu-1' } };
  const written = JSON.parse(text(encodeMember(placed, 7)));
  t.same(written.domain, { fault_domain: { region: { name: 'eu' }, zone: { name: 'eu-1' } } });
  t.same(decodeMember(n1, bytes(JSON.stringify(written))), { type: 'ours', info: placed, epoch: 7 });
  for (const domain of [{}, 7, { fault_domain: { region: { name: 'a/b' }, zone: { name: 'z' } } }])
    t.same(decodeMember(n1, bytes(JSON.stringify({ ...written, domain }))), { type: 'ours', info, epoch: 7 });
});

t.test('what a master of the original wrote is understood as far as that goes', async (t) => {
  // As Mesos 1.12 writes it.
  const original = {
    address: { hostname: 'localhost', ip: '127.0.0.1', port: 5050 },
    capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
    hostname: 'localhost',
    id: '8dac1e0a-7480-4a80-87b1-c6d22a0f16b0',
    ip: 16_777_343,
    pid: 'master@127.0.0.1:5050',
    port: 5050,
    version: '1.12.0',
  };
  const mesos = { type: 'mesos', where: 'master@127.0.0.1:5050 on localhost' };
  t.same(decodeMember(n1, bytes(JSON.stringify(original))), mesos);
  t.match(decodeMember(seq(1, 'info_'), Uint8Array.of(10, 36, 255)), { type: 'mesos' });
  for (const junk of [
    '',
    '{',
    '7',
    'null',
    '[]',
    '{}',
    '{"pid":7,"hostname":"h"}',
    '{"hostname":"h"}',
    '{"mesos_ts":7,"pid":"p","hostname":"h"}',
    '{"mesos_ts":{"pid":"no upid"},"hostname":"h","id":"i","version":"v"}',
    '{"mesos_ts":{"pid":"master@m1","epoch":0.5},"hostname":"h","id":"i","version":"v"}',
    '{"mesos_ts":{"pid":"master@m1","epoch":3},"hostname":"h","version":"v"}',
    `"${'x'.repeat(100_000)}"`,
  ])
    t.equal(decodeMember(n1, bytes(junk)).type, 'garbage', junk.slice(0, 60));
  t.equal(decodeMember(n1, Uint8Array.of(255, 254)).type, 'garbage');
  for (const foreign of ['', 'json.info_', 'json.info_12', 'log_0000000001', 'log_replicas', '_0000000001', 'x/y'])
    t.equal(sequenceOf(foreign), undefined, foreign);
  t.same(sequenceOf(n2), { sequence: 2, json: true });
});

// Sessions.

/** One session in a transcript: three servers, a timeout of 12 s, a ping every 2 s. */
class SessionScript {
  readonly session = new ZookeeperSession(3, 12_000, 1 / 6);

  step(input: SessionInput): string[] {
    return this.session.step(input).map(sessionLine);
  }
  start = (now: number) => this.step({ type: 'start', now });
  tick = (now: number) => this.step({ type: 'tick', now });
  attached = (now: number, connection: number, timeoutMs = 12_000) =>
    this.step({ type: 'attached', now, connection, timeoutMs });
  answered = (now: number, connection: number, sentAt: number) =>
    this.step({ type: 'answered', now, connection, sentAt });
  closed = (now: number, connection: number, wordless = false) =>
    this.step({ type: 'closed', now, connection, why: 'test', wordless });
  end = (now: number) => this.step({ type: 'end', now });

  /** Up at 100, proven by its first ping at 110. */
  static up(): SessionScript {
    const script = new SessionScript();
    script.start(0);
    script.attached(100, 1);
    script.answered(110, 1, 100);
    return script;
  }
}

function sessionLine(effect: SessionEffect): string {
  if (effect.type === 'connect') return `connect ${effect.connection} to ${effect.server}`;
  if (effect.type === 'up') return `up ${effect.timeoutMs}`;
  return 'why' in effect ? `${effect.type}: ${effect.why}` : effect.type;
}

t.test('a session', async (t) => {
  t.test('tries one server after the other, and says so when none can be reached at first', async (t) => {
    const s = new SessionScript();
    t.same(s.start(0), ['connect 1 to 0']);
    t.same(s.closed(5, 1), ['connect 2 to 1']);
    t.equal(s.session.wakeAt, 5 + 12_000 / 3 / 3);
    t.same(s.tick(1_340), ['drop', 'connect 3 to 2'], 'one that does not answer is left');
    t.same(s.closed(1_341, 2), [], 'what comes of it later is nobody any more');
    t.same(s.closed(1_350, 3), ['drop', 'over: test']);
    t.equal(s.session.wakeAt, Number.POSITIVE_INFINITY);
  });

  t.test('waits at first for servers of which one is there and has no leader yet', async (t) => {
    const s = new SessionScript();
    s.start(0);
    t.same(s.closed(5, 1), ['connect 2 to 1']);
    t.same(s.closed(6, 2, true), ['connect 3 to 2'], 'it took the connection, and hung up without a word');
    t.same(s.closed(7, 3), ['waiting']);
    t.equal(s.session.wakeAt, 7 + 1_200);
    t.same(s.tick(1_207), ['connect 4 to 0']);
    t.same(s.attached(1_300, 4), ['up 12000', 'ping']);

    const gone = new SessionScript();
    gone.start(0);
    for (const connection of [1, 2, 3]) gone.closed(connection, connection, true);
    gone.tick(1_203);
    for (const connection of [4, 5]) gone.closed(1_300, connection);
    t.same(gone.closed(1_300, 6), ['drop', 'over: test'], 'until none is there any more');

    const ended = new SessionScript();
    ended.start(0);
    for (const connection of [1, 2, 3]) ended.closed(connection, connection, true);
    t.same(ended.end(10), ['drop', 'over: ended']);
  });

  t.test('is pinged, and leaves a server that answers nothing before that costs it', async (t) => {
    const s = SessionScript.up();
    t.equal(s.session.wakeAt, 2_100);
    t.same(s.tick(2_100), ['ping']);
    t.same(s.answered(2_110, 1, 2_050), [], 'an answer to what was sent before the ping is none to the ping');
    t.equal(s.session.wakeAt, 5_100);
    t.same(s.tick(5_100), ['drop', 'down: the server answers nothing', 'connect 2 to 1']);
    t.same(s.attached(5_200, 2), ['up 12000', 'ping']);
  });

  t.test('is given up by its own clock, counted from when what was answered was sent', async (t) => {
    const s = SessionScript.up();
    t.same(s.closed(3_000, 1), ['down: test', 'connect 2 to 1']);
    t.same(s.closed(3_001, 2), ['connect 3 to 2']);
    t.same(s.closed(3_002, 3), ['connect 4 to 0']);
    t.same(s.closed(3_003, 4), [], 'all were tried: a pause');
    t.same(s.tick(4_203), ['connect 5 to 1']);
    t.equal(s.session.expiresAt, 12_100);
    t.same(s.tick(12_099).slice(-1), ['connect 6 to 2']);
    t.same(s.attached(12_100, 6), ['drop', 'over: nothing was heard of ZooKeeper for the 12000 ms of the session']);
  });

  t.test('that was suspended is over at wake-up, whatever lies in the socket', async (t) => {
    const s = SessionScript.up();
    t.same(s.answered(20_000, 1, 19_999).slice(-1), [
      'over: nothing was heard of ZooKeeper for the 12000 ms of the session',
    ]);
  });

  t.test('lasts as long as the server has decided', async (t) => {
    const s = new SessionScript();
    s.start(0);
    t.same(s.attached(100, 1, 4_000), ['up 4000', 'ping']);
    t.equal(s.session.expiresAt, 4_000);
  });

  t.test('is over when the server says so', async (t) => {
    const s = SessionScript.up();
    t.same(s.step({ type: 'expired', now: 200, connection: 1 }), [
      'drop',
      'over: ZooKeeper says that the session has expired',
    ]);
  });

  t.test('that shall end is ended on the server, over another connection where the first is gone', async (t) => {
    const s = SessionScript.up();
    t.same(s.end(200), ['endSession']);
    t.same(s.closed(210, 1), ['drop', 'over: ended']);
    const cut = SessionScript.up();
    cut.closed(150, 1);
    t.same(cut.end(200), []);
    t.same(cut.attached(250, 2), ['endSession', 'ping']);
    const never = SessionScript.up();
    never.closed(150, 1);
    never.end(200);
    t.same(never.tick(4_200).slice(-1), ['over: ended, though no server confirms it']);
    const unborn = new SessionScript();
    unborn.start(0);
    t.same(unborn.end(1), ['drop', 'over: ended']);
  });

  t.test('is proven by a write as far as a server has passed on before it whom it had heard of', async (t) => {
    const s = SessionScript.up();
    s.answered(1_010, 1, 1_000);
    s.answered(2_010, 1, 2_000);
    // What was answered a quarter of the timeout before the write was sent counts, from when it was sent.
    t.equal(s.session.provenBy(2_500), 0);
    t.equal(s.session.provenBy(4_009), 100);
    t.equal(s.session.provenBy(4_010), 1_000);
    t.equal(s.session.provenBy(5_010), 2_000);
    s.closed(5_011, 1);
    s.attached(5_020, 2);
    t.equal(s.session.provenBy(5_030), 5_011, 'taking a session is a question to the leader of the ensemble');
  });
});

// Candidates.

class CandidateScript {
  readonly candidate = new ZookeeperCandidate();

  step(input: ZookeeperCandidateInput): string[] {
    return this.candidate.step(input).map(candidateLine);
  }
  contend = (now: number) => this.step({ type: 'contend', now });
  up = (now: number) => this.step({ type: 'up', now, timeoutMs: 12_000 });
  down = (now: number) => this.step({ type: 'down', now });
  over = (now: number) => this.step({ type: 'over', now, why: 'test' });
  created = (now: number, name: string) => this.step({ type: 'created', now, name });
  listed = (now: number, ...names: string[]) => this.step({ type: 'listed', now, names });
  stamped = (now: number, provenAt: number, czxid = 42) => this.step({ type: 'stamped', now, provenAt, czxid });
  changed = (now: number) => this.step({ type: 'changed', now });
  tick = (now: number) => this.step({ type: 'tick', now });
  withdraw = (now: number) => this.step({ type: 'withdraw', now, why: 'resigned' });
  looked = (now: number, name: string, value: string) =>
    this.step({ type: 'looked', now, name, member: decodeMember(name, bytes(value)) });
  failed = (
    now: number,
    what: 'create' | 'list' | 'look' | 'stamp',
    fault: 'noNode' | 'noAuth' | 'connection' | 'other',
  ) => this.step({ type: 'failed', now, what, fault, why: 'test' });

  /** Its node is the second, behind one that was not looked at. */
  static standing(): CandidateScript {
    const script = new CandidateScript();
    script.contend(0);
    script.up(10);
    script.created(20, n2);
    script.stamped(30, 5);
    script.listed(31, n1, n2);
    return script;
  }

  /** Leads from 100 on, proven by what was sent at 50, with epoch 42. */
  static leading(): CandidateScript {
    const script = CandidateScript.standing();
    script.changed(90);
    script.listed(95, n2);
    script.stamped(100, 50);
    return script;
  }
}

function candidateLine(effect: ZookeeperCandidateEffect): string {
  switch (effect.type) {
    case 'look':
      return `look ${effect.name}`;
    case 'stamp':
      return `stamp ${effect.name} epoch ${effect.epoch}`;
    case 'elected':
      return `elected epoch ${effect.epoch} until ${effect.validUntil}`;
    case 'renewed':
      return `renewed until ${effect.validUntil}`;
    case 'lost':
      return `lost epoch ${effect.epoch}: ${effect.why}`;
    case 'refused':
      return `refused${effect.unreachable ? ' unreachable' : ''}: ${effect.why}`;
    case 'warn':
      return `warn ${effect.text}`;
    default:
      return effect.type;
  }
}

t.test('a candidate', async (t) => {
  t.test('makes its node, sees itself first, and leads once its epoch is written', async (t) => {
    const c = new CandidateScript();
    t.same(c.contend(0), ['openSession']);
    t.same(c.up(10), ['create']);
    t.same(c.created(20, n1), ['list', `stamp ${n1} epoch undefined`]);
    t.same(c.stamped(30, 5), []);
    t.same(c.listed(31, n1), [`stamp ${n1} epoch 42`]);
    t.same(c.stamped(40, 5), ['elected epoch 42 until 10005']);
    t.equal(c.candidate.wakeAt, 31 + 1_500);
    t.same(c.tick(1_531), [`stamp ${n1} epoch 42`]);
    t.same(c.stamped(1_540, 1_200), ['renewed until 11200']);
  });

  t.test('stands by behind a member, and leads when that is gone', async (t) => {
    const c = CandidateScript.standing();
    t.same(c.looked(40, n1, text(encodeMember(info, 3))), []);
    t.equal(c.candidate.wakeAt, Number.POSITIVE_INFINITY);
    t.same(c.changed(50), ['list']);
    t.same(c.listed(60, n2, n3), [`stamp ${n2} epoch 42`]);
    t.same(c.stamped(70, 20), ['elected epoch 42 until 10020']);
  });

  t.test('does not lead by a proof that has run out, and asks for another', async (t) => {
    const c = CandidateScript.standing();
    c.changed(50);
    c.listed(60, n2);
    t.same(c.stamped(12_000, 60), [`stamp ${n2} epoch 42`]);
    t.same(c.stamped(12_010, 11_000), ['elected epoch 42 until 21000']);
  });

  t.test('stops by its own clock when no write is confirmed, and ends its session', async (t) => {
    const c = CandidateScript.leading();
    t.same(c.tick(1_600), [`stamp ${n2} epoch 42`]);
    t.equal(c.candidate.wakeAt, 10_050);
    t.same(c.tick(10_050), ['lost epoch 42: no write to ZooKeeper was confirmed in time', 'endSession']);
  });

  t.test('that was suspended knows so before it takes anything else', async (t) => {
    const c = CandidateScript.leading();
    c.tick(1_600);
    t.same(c.stamped(15_000, 14_900).slice(0, 1), ['lost epoch 42: no write to ZooKeeper was confirmed in time']);
  });

  t.test('leads on through a lost connection, and proves itself at once when it is back', async (t) => {
    const c = CandidateScript.leading();
    t.same(c.down(200), []);
    t.equal(c.candidate.validUntil, 10_050);
    t.same(c.up(300), ['list', `stamp ${n2} epoch 42`]);
    t.same(c.stamped(310, 290), ['renewed until 10290']);
  });

  t.test('leads no more when its node or its session is gone', async (t) => {
    const vanished = 'lost epoch 42: our node in ZooKeeper was removed';
    const removed = CandidateScript.leading();
    removed.changed(200);
    t.same(removed.listed(210, n3), [vanished, 'endSession']);
    const found = CandidateScript.leading();
    found.tick(1_600);
    t.same(found.failed(1_610, 'stamp', 'noNode'), [vanished, 'endSession']);
    t.same(CandidateScript.leading().over(200).slice(0, 1), ['lost epoch 42: test']);
  });

  t.test('resigns before its node is gone, and contends anew with another', async (t) => {
    const c = CandidateScript.leading();
    t.same(c.withdraw(200), ['lost epoch 42: resigned', 'endSession']);
    t.same(c.withdraw(201), []);
    t.same(c.contend(202), ['openSession']);
    t.same(c.up(210), ['create']);
    const waiting = CandidateScript.standing();
    t.same(waiting.withdraw(200), ['endSession'], 'a standby goes without a word');
  });

  t.test('whose node may or may not have been made begins with another session', async (t) => {
    const c = new CandidateScript();
    c.contend(0);
    c.up(10);
    t.same(c.down(20), ['endSession', 'openSession']);
    const failed = new CandidateScript();
    failed.contend(0);
    failed.up(10);
    t.same(failed.failed(20, 'create', 'connection'), ['endSession', 'openSession']);
  });

  t.test('passes over what no master can have made, and waits behind what a master may have made', async (t) => {
    const c = CandidateScript.standing();
    c.changed(40);
    t.same(c.listed(50, n1, n2, 'log_replicas'), [
      'warn the node "log_replicas" is passed over: no master is called so',
    ]);
    t.same(c.looked(60, n1, 'rubbish'), [
      `warn the node "${n1}" is passed over: it holds 7 bytes that are not JSON`,
      `stamp ${n2} epoch 42`,
    ]);
    const behind = CandidateScript.standing();
    t.same(behind.looked(40, n1, '{"pid":"master@1.2.3.4:5050","hostname":"h"}'), []);
  });

  t.test('takes an epoch above all that it heard of', async (t) => {
    const c = CandidateScript.standing();
    c.step({ type: 'heard', now: 40, epoch: 99 });
    c.changed(50);
    t.same(c.listed(60, n2), [`stamp ${n2} epoch 100`]);
    c.step({ type: 'heard', now: 65, epoch: 200 });
    t.same(c.stamped(70, 20), [`stamp ${n2} epoch 201`], 'what was heard while it was on its way counts, too');
    t.same(c.stamped(80, 20), ['elected epoch 201 until 10020']);
  });

  t.test('refuses an epoch that a number cannot hold', async (t) => {
    const c = new CandidateScript();
    c.contend(0);
    c.up(10);
    c.created(20, n1);
    t.match(c.stamped(30, 5, 2 ** 53), ['refused: no epoch can be made of 9007199254740992', 'endSession']);
  });

  t.test('says that ZooKeeper cannot be reached at first, and later tries again every 2 s', async (t) => {
    const c = new CandidateScript();
    c.contend(0);
    t.same(c.over(10), ['refused unreachable: test', 'endSession']);
    const later = CandidateScript.standing();
    t.same(later.over(100), ['warn the session with ZooKeeper is over: test', 'openSession']);
    t.same(later.over(200), ['warn the session with ZooKeeper is over: test']);
    t.equal(later.candidate.wakeAt, 2_200);
    t.same(later.tick(2_200), ['openSession']);
  });

  t.test('may not make its node: refused; what fails otherwise is tried again after 2 s', async (t) => {
    const c = new CandidateScript();
    c.contend(0);
    c.up(10);
    t.same(c.failed(20, 'create', 'noAuth'), ['refused: test', 'endSession']);
    const odd = CandidateScript.leading();
    odd.tick(1_600);
    t.same(odd.failed(1_610, 'stamp', 'other'), ['warn ZooKeeper could not stamp a node, which is tried again: test']);
    t.equal(odd.candidate.wakeAt, 3_610);
    t.same(odd.tick(3_610), [`stamp ${n2} epoch 42`]);
  });
});

// Observers.

class ObserverScript {
  readonly observer: ZookeeperObserver;

  constructor(closely = false) {
    this.observer = new ZookeeperObserver(closely);
  }

  step(input: ZookeeperObserverInput): string[] {
    return this.observer.step(input).map(observerLine);
  }
  listed = (now: number, ...names: string[]) => this.step({ type: 'listed', now, names });
  looked = (now: number, name: string, value: string) =>
    this.step({ type: 'looked', now, name, member: decodeMember(name, bytes(value)) });

  static up(closely = false): ObserverScript {
    const script = new ObserverScript(closely);
    script.step({ type: 'start', now: 0 });
    script.step({ type: 'up', now: 1 });
    return script;
  }
}

function observerLine(effect: ZookeeperObserverEffect): string {
  if (effect.type === 'look') return `look ${effect.name}${effect.watch ? ' and watch' : ''}`;
  if (effect.type === 'warn') return `warn ${effect.text}`;
  if (effect.type === 'refused') return `refused${effect.unreachable ? ' unreachable' : ''}: ${effect.why}`;
  if (effect.type !== 'leader') return effect.type;
  const { leader } = effect;
  if (leader === undefined) return 'nobody leads';
  const after = leader.after === undefined ? '' : ` after ${leader.after.epoch}, silent for ${leader.after.silentMs}`;
  return `${leader.pid} leads with epoch ${leader.epoch}${after}`;
}

t.test('an observer', async (t) => {
  const led = text(encodeMember(info, 7));
  const other = text(encodeMember({ ...info, pid: 'master@m2#y2' as Upid }, 9));

  t.test('names the first that has written its epoch, and waits for the first to do so', async (t) => {
    const o = new ObserverScript();
    t.same(o.step({ type: 'start', now: 0 }), ['openSession']);
    t.same(o.step({ type: 'up', now: 1 }), ['list']);
    t.same(o.listed(2, n2, n1), [`look ${n1}`]);
    t.same(o.looked(3, n1, text(encodeMember(info))), ['nobody leads', `look ${n1} and watch`]);
    t.same(o.looked(4, n1, text(encodeMember(info))), []);
    t.same(o.step({ type: 'written', now: 5, name: n1 }), [`look ${n1} and watch`]);
    t.same(o.looked(6, n1, led), ['master@m1#x1 leads with epoch 7']);
    t.same(o.step({ type: 'written', now: 7, name: n1 }), [], 'once it leads, its writes are of no interest');
  });

  t.test('tells of a change of hands, and how long nobody led as far as it saw', async (t) => {
    const o = ObserverScript.up();
    o.listed(2, n1, n2);
    t.same(o.looked(3, n1, led), ['master@m1#x1 leads with epoch 7']);
    t.same(o.step({ type: 'changed', now: 500 }), ['list']);
    t.same(o.listed(510, n2), [`look ${n2}`]);
    t.same(o.looked(520, n2, other), ['master@m2#y2 leads with epoch 9 after 7, silent for 20']);
  });

  t.test('that observes closely tells of the time since the last sign of life', async (t) => {
    const o = ObserverScript.up(true);
    o.listed(2, n1, n2);
    t.same(o.looked(3, n1, led), ['master@m1#x1 leads with epoch 7', `look ${n1} and watch`]);
    t.same(o.looked(4, n1, led), []);
    t.same(o.step({ type: 'written', now: 1_000, name: n1 }), [`look ${n1} and watch`]);
    t.same(o.looked(1_001, n1, led), []);
    // The end of its session comes as the end of both watches.
    t.same(o.step({ type: 'written', now: 9_000, name: n1 }), [`look ${n1} and watch`]);
    o.step({ type: 'changed', now: 9_000 });
    o.step({ type: 'looked', now: 9_001, name: n1, member: 'gone' });
    o.listed(9_002, n2);
    t.same(o.looked(9_003, n2, other).slice(0, 1), ['master@m2#y2 leads with epoch 9 after 7, silent for 8002']);
  });

  t.test('believes what it saw until its session is over', async (t) => {
    const o = ObserverScript.up();
    o.listed(2, n1);
    o.looked(3, n1, led);
    t.same(o.step({ type: 'down', now: 10 }), []);
    t.same(o.step({ type: 'over', now: 9_000, why: 'test' }), ['nobody leads', 'openSession']);
    t.same(o.step({ type: 'over', now: 9_100, why: 'test' }), []);
    t.equal(o.observer.wakeAt, 11_100);
    t.same(o.step({ type: 'tick', now: 11_100 }), ['openSession']);
    o.step({ type: 'up', now: 11_200 });
    t.same(o.listed(11_300, n1), ['master@m1#x1 leads with epoch 7'], 'the same node holds the same');
  });

  t.test('passes over garbage, and meets a master of another kind with a word', async (t) => {
    const o = ObserverScript.up();
    t.same(o.listed(2, n1, n2), [`look ${n1}`]);
    t.same(o.looked(3, n1, 'rubbish'), [
      `warn the node "${n1}" is passed over: it holds 7 bytes that are not JSON`,
      `look ${n2}`,
    ]);
    t.same(o.looked(4, n2, '{"pid":"master@1.2.3.4:5050","hostname":"h"}'), [
      'nobody leads',
      'warn a master of another kind leads, and cannot be spoken to: master@1.2.3.4:5050 on h',
    ]);
    o.step({ type: 'changed', now: 5 });
    t.same(o.listed(6, n1, n2), [], 'said once');
  });

  t.test('tries again after 2 s what fails, and says when ZooKeeper cannot be reached at first', async (t) => {
    const o = ObserverScript.up();
    t.match(o.step({ type: 'failed', now: 10, what: 'list', fault: 'noAuth', why: 'test' }), [/^warn .*test$/]);
    t.equal(o.observer.wakeAt, 2_010);
    t.same(o.step({ type: 'tick', now: 2_010 }), ['list']);
    const unreached = new ObserverScript();
    unreached.step({ type: 'start', now: 0 });
    t.same(unreached.step({ type: 'over', now: 10, why: 'test' }), ['refused unreachable: test']);
    t.same(unreached.step({ type: 'start', now: 20 }), ['openSession']);
  });
});

/** What came of simulations, in an OS process of their own. */
function simulated(
  ...seeds: string[]
): { readonly seed: string; readonly elections: number; readonly trouble?: string }[] {
  const program = fileURLToPath(new URL('programs/simulate-zookeeper.js', import.meta.url));
  const printed = execFileSync(process.execPath, [program, ...seeds], { encoding: 'utf8' });
  return printed
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

t.test('no two are sure to lead, epochs grow, and one leads in the end, whatever goes wrong', async (t) => {
  const fresh = Random.system().token(8);
  const outcomes = simulated(...Array.from({ length: 200 }, (_, index) => `${fresh}-${index}`));
  for (const { seed, trouble } of outcomes) t.equal(trouble, undefined, `seed ${seed}`);
  const elections = outcomes.reduce((sum, outcome) => sum + outcome.elections, 0);
  t.ok(elections > 400, `there were ${elections} changes of hands`);
});

t.test('a simulation replays', async (t) => {
  t.same(simulated('again'), simulated('again'));
});
