import { parseUpid, Random, type Upid, VirtualClock } from '@mesos-ts/process';
import type { MasterId, MasterInfo } from '@mesos-ts/protocol';
import {
  AlreadyContending,
  createContender,
  createDetector,
  decodeRecord,
  ElectionAddressInvalid,
  ElectionClosed,
  encodeRecord,
  JetStreamStream,
  Lease,
  LeaseContender,
  LeaseDetector,
  type LeaseEffect,
  type LeaseInput,
  type LeaseRecord,
  leaseTiming,
  MemoryRegister,
  Observer,
  type ObserverEffect,
  type ObserverInput,
  parseElectionAddress,
  type Reading,
  type RegisterValue,
  StandaloneDetector,
} from '@mesos-ts/zk-election';
import t from 'tap';
import { simulate } from './lease-simulation.js';

const master = (name: string): MasterInfo => ({
  id: `${name}-id` as MasterId,
  pid: `master@${name}#1` as Upid,
  hostname: name,
  version: '0',
});

const timing = leaseTiming({ jitterMs: 0 });
const record = (name: string | null, nonce: string, epoch: number, leaseMs = 3_000): LeaseRecord => ({
  holder: name === null ? null : master(name),
  nonce,
  epoch,
  leaseMs,
});
const held = (...fields: Parameters<typeof record>): RegisterValue => ({ type: 'record', record: record(...fields) });
const empty: RegisterValue = { type: 'empty' };
const junk: RegisterValue = { type: 'foreign', why: 'a test' };

/** Effects as lines, which a transcript can show. */
function line(effect: LeaseEffect): string {
  switch (effect.type) {
    case 'read':
      return `read ${effect.number}`;
    case 'write':
      return `write ${effect.record.nonce} by ${effect.record.holder?.hostname ?? 'nobody'} epoch ${effect.record.epoch} expecting ${effect.expectedSeq}`;
    case 'elected':
    case 'renewed':
      return `${effect.type} epoch ${effect.epoch} until ${effect.validUntil}`;
    case 'lost':
      return `lost epoch ${effect.epoch}: ${effect.why}`;
    case 'warn':
      return `warn ${effect.text}`;
    case 'withdrawn':
      return 'withdrawn';
    case 'look':
      return `look ${effect.number} for ${effect.here}`;
    case 'doubted':
      return `doubted epoch ${effect.epoch}`;
  }
}

/** A candidate `a` in a transcript: each call is one input and returns its effects. */
class Script {
  readonly lease = new Lease('a', timing);
  #reads = 0;
  #looks = 0;

  step(input: LeaseInput): string[] {
    return this.lease.step(input).map((effect) => {
      if (effect.type === 'read') this.#reads = effect.number;
      if (effect.type === 'look') this.#looks = effect.number;
      return line(effect);
    });
  }
  contend = (now: number) => this.step({ type: 'contend', now, holder: master('a') });
  withdraw = (now: number) => this.step({ type: 'withdraw', now });
  tick = (now: number) => this.step({ type: 'tick', now });
  reconnected = (now: number) => this.step({ type: 'reconnected', now });
  cutOff = (now: number) => this.step({ type: 'cutOff', now });
  departed = (now: number, server: string, client: number) =>
    this.step({ type: 'departed', now, connection: { server, client } });
  /** Answers the look that was sent last. */
  looked = (now: number, present: boolean, jitterMs = 0) =>
    this.step({ type: 'looked', now, number: this.#looks, present, jitterMs });
  heard = (now: number, epoch: number) => this.step({ type: 'heard', now, epoch });
  acknowledged = (now: number, nonce: string, seq: number) => this.step({ type: 'acknowledged', now, nonce, seq });
  conflict = (now: number, nonce: string) => this.step({ type: 'conflict', now, nonce });
  writeFailed = (now: number, nonce: string) => this.step({ type: 'writeFailed', now, nonce });
  readFailed = (now: number) => this.step({ type: 'readFailed', now, number: this.#reads });
  watched = (now: number, seq: number, value: RegisterValue) =>
    this.step({ type: 'watched', now, observation: { seq, value }, jitterMs: 0 });
  /** Answers the read that was sent last. */
  read(now: number, seq: number, value: RegisterValue, stream = 's', jitterMs = 0): string[] {
    const reading: Reading = { stream, seq, value };
    return this.step({ type: 'read', now, number: this.#reads, reading, jitterMs });
  }
  /** Time to acquire: a read that shows nothing new comes first. */
  due(now: number, seq: number, value: RegisterValue, stream = 's'): string[] {
    const effects = this.tick(now);
    return effects.length === 1 && effects[0]?.startsWith('read ') ? this.read(now, seq, value, stream) : effects;
  }
  /** Leads from time 0 with epoch 1, by the write a.1, number 1, sent at 0. */
  lead(): this {
    this.contend(0);
    this.read(0, 0, empty);
    this.acknowledged(10, 'a.1', 1);
    return this;
  }
}

t.test('a register that was never written is acquired at once', async (t) => {
  const a = new Script();
  t.same(a.contend(0), ['read 1']);
  t.same(a.read(5, 0, empty), ['write a.1 by a epoch 1 expecting 0']);
  t.same(a.acknowledged(105, 'a.1', 1), ['elected epoch 1 until 2705'], 'validity counts from the sending');
  t.equal(a.lease.wakeAt, 505, 'the next renewal is due a sixth of the lease after the last was sent');
  t.same(a.tick(505), ['write a.2 by a epoch 1 expecting 1']);
  t.same(a.acknowledged(510, 'a.2', 2), ['renewed epoch 1 until 3205']);
});

t.test('a record of somebody unknown is waited out from when it was first seen', async (t) => {
  const a = new Script();
  a.contend(0);
  t.same(a.read(1_000, 41, held('b', 'b.9', 7), 's', 20), []);
  t.same(a.watched(2_000, 42, held('b', 'b.10', 7)), [], 'a renewal starts the wait anew');
  t.same(a.tick(3_500), ['read 2'], 'the safety net');
  t.same(a.read(3_510, 42, held('b', 'b.10', 7)), [], 'seeing the same again does not');
  t.equal(a.lease.wakeAt, 5_010);
  t.same(a.tick(5_010), ['read 3']);
  t.same(a.read(5_020, 42, held('b', 'b.10', 7)), []);
  t.same(a.tick(5_299), []);
  t.same(a.tick(5_300), ['read 4'], 'then the present content is made sure of');
  t.same(a.read(5_301, 42, held('b', 'b.10', 7)), ['write a.1 by a epoch 8 expecting 42']);
});

t.test('a candidate whose turn has come and whose read fails at once pauses before it reads again', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(10, 4, held('b', 'b.4', 7));
  t.same(a.tick(1_510), ['read 2']);
  t.same(a.read(1_511, 4, held('b', 'b.4', 7)), []);
  t.same(a.tick(3_310), ['read 3']);
  t.same(a.readFailed(3_310), []);
  t.equal(a.lease.wakeAt, 3_310 + timing.retryMs);
  t.same(a.tick(3_310 + timing.retryMs), ['read 4']);
});

t.test('the lease of a record is the one that is waited out, not our own', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 5, held('b', 'b.1', 1, 10_000));
  a.reconnected(9_000);
  a.read(9_000, 6, junk);
  a.reconnected(19_990);
  t.same(a.read(19_995, 6, junk), [], 'also when garbage came over it');
  t.same(a.due(20_000, 6, junk), ['write a.1 by a epoch 7 expecting 6']);
});

t.test('a resigned record is acquired at once', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 5, held('b', 'b.1', 3));
  t.same(a.watched(100, 6, held(null, 'b.2', 3)), ['read 2'], 'a watch is only a hint');
  t.same(a.read(101, 6, held(null, 'b.2', 3)), ['write a.1 by a epoch 4 expecting 6']);
});

t.test('garbage, a record that is gone and a stream made anew are waited out for a lease', async (t) => {
  for (const [seq, value, stream] of [
    [6, junk, 's'],
    [5, empty, 's'],
    [0, empty, 'another'],
    [1, held(null, 'b.1', 9), 'another'],
  ] as const) {
    const a = new Script();
    a.contend(0);
    a.read(0, 5, held('b', 'b.1', 3));
    a.reconnected(1_000);
    t.notOk(a.read(1_000, seq, value, stream).some((effect) => effect.startsWith('write')));
    a.reconnected(4_299);
    t.same(a.read(4_299, seq, value, stream), []);
    t.match(a.due(4_300, seq, value, stream), [`expecting ${seq}`]);
  }
});

t.test('a first look at garbage or at an emptied register waits as well', async (t) => {
  for (const value of [junk, empty]) {
    const a = new Script();
    a.contend(0);
    a.read(0, 12, value);
    a.tick(1_500);
    a.read(1_500, 12, value);
    a.tick(3_000);
    t.same(a.read(3_000, 12, value), []);
    t.same(
      a.due(3_300, 12, value),
      ['write a.1 by a epoch 13 expecting 12'],
      'the epoch is above any that was given out',
    );
  }
});

t.test('a conflict is looked at before anything else is written', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 0, empty);
  t.same(a.conflict(5, 'a.1'), ['read 2']);
  t.same(a.tick(6), []);
  t.same(a.read(10, 1, held('b', 'b.1', 1)), []);
  t.same(a.tick(3_309), ['read 3']);
  t.same(a.read(3_310, 1, held('b', 'b.1', 1)), ['write a.2 by a epoch 2 expecting 1']);
});

t.test('an acquisition that timed out but was taken is known by its nonce and counts from its sending', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 0, empty);
  t.same(a.tick(500), ['read 2']);
  t.same(a.read(510, 0, empty), ['write a.2 by a epoch 1 expecting 0'], 'not yet');
  t.same(a.tick(1_010), ['read 3']);
  t.same(a.read(1_100, 1, held('a', 'a.1', 1)), ['elected epoch 1 until 2700', 'write a.3 by a epoch 1 expecting 1']);
  t.same(a.conflict(1_110, 'a.2'), [], 'the second try cannot have been taken and is forgotten');
  t.same(a.acknowledged(1_120, 'a.3', 2), ['renewed epoch 1 until 3800']);
});

t.test('an acquisition that is found too late confers nothing: another follows with a higher epoch', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 0, empty);
  t.same(a.acknowledged(2_700, 'a.1', 1), ['read 2']);
  t.same(a.read(2_705, 1, held('a', 'a.1', 1)), ['write a.2 by a epoch 2 expecting 1']);
  t.same(a.acknowledged(2_710, 'a.2', 2), ['elected epoch 2 until 5405']);
});

t.test('a register that was made anew and takes an older write makes nobody a leader', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 0, empty);
  t.same(a.tick(500), ['read 2']);
  t.same(a.read(510, 0, empty, 'another'), []);
  t.same(a.acknowledged(600, 'a.1', 1), [], 'others may lead by what was lost');
  t.same(a.due(3_810, 1, held('a', 'a.1', 1), 'another'), ['write a.2 by a epoch 2 expecting 1']);
});

t.test('the failure of an earlier write does not end the wait for the next one', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 0, empty);
  a.tick(500);
  t.same(a.read(510, 0, empty), ['write a.2 by a epoch 1 expecting 0']);
  t.same(a.writeFailed(520, 'a.1'), ['read 3']);
  t.same(a.read(530, 0, empty), []);
  t.equal(a.lease.wakeAt, 1_010, 'when the answer to a.2 is overdue');
});

t.test('a late acknowledgement counts, from when its write was sent', async (t) => {
  const a = new Script().lead();
  a.tick(500);
  t.same(a.tick(1_000), ['write a.3 by a epoch 1 expecting 1', 'read 2']);
  t.same(a.acknowledged(1_200, 'a.2', 2), ['renewed epoch 1 until 3200', 'write a.4 by a epoch 1 expecting 2']);
});

t.test('a leader whose renewals are not acknowledged tries again, and stops by its own clock', async (t) => {
  const a = new Script().lead();
  t.same(a.tick(500), ['write a.2 by a epoch 1 expecting 1']);
  t.same(a.tick(1_000), ['write a.3 by a epoch 1 expecting 1', 'read 2']);
  t.same(a.readFailed(1_010), []);
  t.same(a.tick(1_260), ['read 3']);
  t.same(a.tick(1_500), ['write a.4 by a epoch 1 expecting 1']);
  t.same(a.writeFailed(1_510, 'a.4'), [], 'one that fails at once is held back');
  t.same(a.tick(2_000), ['write a.5 by a epoch 1 expecting 1']);
  t.equal(a.lease.validUntil, 2_700);
  t.same(a.tick(2_500), ['write a.6 by a epoch 1 expecting 1']);
  t.equal(a.lease.wakeAt, 2_700);
  t.same(a.tick(2_700), ['lost epoch 1: no renewal was acknowledged in time']);
  t.same(a.acknowledged(2_701, 'a.6', 2), [], 'nothing revives it');
  t.same(a.contend(2_800), ['read 4']);
  t.same(a.read(2_810, 2, held('a', 'a.6', 1)), ['write a.7 by a epoch 2 expecting 2']);
  t.same(a.acknowledged(2_820, 'a.7', 3), ['elected epoch 2 until 5510']);
});

t.test('a leader that was suspended knows so before it takes anything else', async (t) => {
  const a = new Script().lead();
  a.tick(500);
  t.same(a.acknowledged(60_000, 'a.2', 2), ['lost epoch 1: no renewal was acknowledged in time']);
});

t.test('a candidate that was suspended looks before it writes', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 5, held('b', 'b.1', 1));
  t.same(a.tick(60_000), ['read 2']);
  t.same(a.read(60_001, 99, held('b', 'b.90', 1)), []);
  t.equal(a.lease.wakeAt, 61_501);
});

t.test('a candidate is not taken in by the number that it expects, in a register made anew', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 2, held('b', 'b.1', 1));
  a.tick(1_500);
  a.readFailed(1_510);
  t.same(a.tick(3_300), ['read 3'], 'cut off, it missed that the register was lost and somebody leads in the new one');
  t.same(a.read(3_310, 2, held('c', 'c.2', 2), 'another'), []);
  a.reconnected(6_600);
  t.same(a.read(6_609, 2, held('c', 'c.2', 2), 'another'), []);
  t.same(a.due(6_610, 2, held('c', 'c.2', 2), 'another'), ['write a.1 by a epoch 3 expecting 2']);
});

t.test('a leader that finds the record of another stops at once', async (t) => {
  const a = new Script().lead();
  a.tick(500);
  t.same(a.conflict(510, 'a.2'), ['read 2']);
  t.equal(a.lease.validUntil, 2_700, 'until it is read, its own lease counts');
  t.same(a.read(520, 2, held('b', 'b.1', 2)), ['lost epoch 1: master@b#1 leads (epoch 2)']);
  t.equal(a.lease.wakeAt, Number.POSITIVE_INFINITY);
});

t.test('a leader whose renewal was taken without an answer adopts it on the next conflict', async (t) => {
  const a = new Script().lead();
  a.tick(500);
  t.same(
    a.reconnected(700),
    ['write a.3 by a epoch 1 expecting 1', 'read 2'],
    'the answer will not come any more, and a write shows that we are back',
  );
  t.same(a.conflict(701, 'a.3'), []);
  t.same(a.read(702, 2, held('a', 'a.2', 1)), ['renewed epoch 1 until 3200', 'read 3']);
});

t.test('a leader that was cut off writes anew when it finds what it had written before', async (t) => {
  const a = new Script().lead();
  a.tick(500);
  a.cutOff(510);
  a.reconnected(700);
  t.same(a.conflict(701, 'a.3'), []);
  t.same(a.read(702, 2, held('a', 'a.2', 1)), ['write a.4 by a epoch 1 expecting 2', 'read 3']);
  t.same(a.acknowledged(703, 'a.4', 3), ['renewed epoch 1 until 3402']);
});

t.test('a leader writes over garbage and over nothing while its lease lasts', async (t) => {
  for (const [seq, value, stream] of [
    [2, junk, 's'],
    [1, empty, 's'],
    [0, empty, 'another'],
  ] as const) {
    const a = new Script().lead();
    a.watched(100, 9, held('forged', 'f.1', 9));
    t.match(a.read(110, seq, value, stream).join('; '), `write a.2 by a epoch 1 expecting ${seq}`);
    t.same(a.acknowledged(120, 'a.2', seq + 1), ['renewed epoch 1 until 2810']);
  }
});

t.test('a leader that is cut off is not sure until a write was taken that it sent afterwards', async (t) => {
  const a = new Script().lead();
  a.tick(500);
  t.same(a.cutOff(600), ['doubted epoch 1']);
  t.equal(a.lease.validUntil, undefined);
  t.same(a.acknowledged(610, 'a.2', 2), [], 'what it sent before says nothing of now');
  t.equal(a.lease.validUntil, undefined);
  t.same(a.reconnected(900), ['write a.3 by a epoch 1 expecting 2', 'read 2']);
  t.same(a.read(905, 2, held('a', 'a.2', 1)), [], 'a successor may be about to write');
  t.same(a.acknowledged(910, 'a.3', 3), ['renewed epoch 1 until 3600']);
  t.equal(a.lease.validUntil, 3_600);
});

t.test('a leader that was cut off and finds its record gone gives up: what is there may hide another', async (t) => {
  for (const [value, stream] of [
    [junk, 's'],
    [empty, 'another'],
  ] as const) {
    const a = new Script().lead();
    a.cutOff(100);
    a.reconnected(300);
    t.same(a.conflict(301, 'a.2'), []);
    t.match(a.read(302, 3, value, stream)[0], 'lost epoch 1: it was cut off, and its record is gone');
  }
});

t.test('a candidate that is cut off while it acquires does not lead by that', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 0, empty);
  a.cutOff(10);
  a.reconnected(20);
  t.same(a.read(21, 1, held('a', 'a.1', 1)), ['write a.2 by a epoch 2 expecting 1']);
  t.same(a.acknowledged(30, 'a.2', 2), ['elected epoch 2 until 2721']);
});

t.test('a holder that is gone', async (t) => {
  const shown = (nonce: string, epoch = 1, client = 7): RegisterValue => ({
    type: 'record',
    record: { ...record('b', nonce, epoch), here: 'bee', connection: { server: 'S', client } },
  });
  /** Stands by since 0, where `b` holds the lease, and looks for it every 100 ms. */
  const standby = (): Script => {
    const a = new Script();
    a.contend(0);
    a.read(0, 5, shown('b.1'));
    return a;
  };

  t.test('is looked for all the while, and replaced when it was gone for the grace', async (t) => {
    const a = standby();
    t.equal(a.lease.wakeAt, 100);
    t.same(a.tick(100), ['look 1 for bee']);
    t.same(a.looked(101, true), []);
    t.same(a.tick(201), ['look 2 for bee']);
    t.same(a.looked(202, false), [], 'gone since 202');
    t.same(a.tick(302), ['look 3 for bee']);
    t.same(a.looked(303, false), []);
    t.equal(a.lease.wakeAt, 402);
    t.same(a.tick(402), ['look 4 for bee']);
    t.same(a.looked(403, false), ['read 2'], 'still gone: the present content is made sure of');
    t.same(a.read(404, 5, shown('b.1')), ['write a.1 by a epoch 2 expecting 5']);
    t.same(a.acknowledged(405, 'a.1', 6), ['elected epoch 2 until 3104']);
  });

  t.test('waits for its chance, as the others do', async (t) => {
    const a = standby();
    for (const at of [100, 201]) {
      a.tick(at);
      a.looked(at, false);
    }
    a.tick(301);
    t.same(a.looked(302, false, 40), []);
    t.equal(a.lease.wakeAt, 342);
  });

  t.test('keeps its lease when it is found again, when it renews, and when it is only frozen', async (t) => {
    for (const sign of [(a: Script) => a.looked(203, true), (a: Script) => a.watched(203, 6, shown('b.2'))]) {
      const a = standby();
      a.tick(100);
      a.looked(101, false);
      a.tick(202);
      sign(a);
      for (let at = 204; at < 1_400; at += 100) {
        t.notMatch(a.tick(at).join(), /read/, `at ${at}`);
        a.looked(at + 1, true);
      }
    }
  });

  t.test('has its whole grace anew after each sign of it', async (t) => {
    const signs = [
      (a: Script) => [...a.departed(110, 'S', 7), ...a.looked(111, true)],
      (a: Script) => a.watched(111, 6, shown('b.2')),
    ];
    for (const sign of signs) {
      const a = standby();
      a.tick(100);
      a.looked(101, false);
      sign(a);
      a.tick(211);
      t.same(a.looked(212, false), [], 'gone again');
      a.tick(312);
      t.same(a.looked(313, false), [], 'it was missing at 101, and seen at 111');
      a.tick(412);
      t.same(a.looked(413, false), ['read 2']);
    }
  });

  t.test('is looked for at once when the server says that its connection ended', async (t) => {
    const a = standby();
    t.same(a.departed(10, 'S', 8), [], 'somebody else');
    t.same(a.departed(10, 'T', 7), [], 'on another server');
    t.same(a.departed(10, 'S', 7), ['look 1 for bee']);
    t.same(a.looked(11, true), [], 'forged, or of an old connection');
    t.equal(a.lease.wakeAt, 111);
    t.same(a.departed(20, 'S', 7), ['look 2 for bee']);
    t.same(a.looked(21, false), []);
    t.same(a.tick(121), ['look 3 for bee']);
    t.same(a.looked(122, false), []);
    t.same(a.tick(221), ['look 4 for bee']);
    t.same(a.looked(222, false), ['read 2']);
  });

  t.test('is not concluded from looks without an answer, nor from two with a gap between', async (t) => {
    const a = standby();
    a.tick(100);
    t.equal(a.lease.wakeAt, 600, 'another look when no answer came for so long');
    t.same(a.tick(600), ['look 2 for bee']);
    t.same(a.step({ type: 'looked', now: 601, number: 1, present: false, jitterMs: 0 }), []);
    t.equal(a.lease.wakeAt, 1_100, 'what comes too late does not count: the second is still waited for');
    t.same(a.looked(602, false), []);
    a.tick(1_300);
    t.same(a.looked(1_301, false), [], 'it may have been there meanwhile: the grace begins anew');
    a.tick(1_401);
    t.same(a.looked(1_402, false), []);
  });

  t.test('is not concluded by who has just come back itself', async (t) => {
    const a = standby();
    a.tick(100);
    a.looked(101, false);
    a.cutOff(150);
    a.reconnected(200);
    a.read(201, 5, shown('b.1'));
    t.same(a.departed(300, 'S', 7), []);
    t.equal(a.lease.wakeAt, 700);
    t.same(a.tick(700), ['look 2 for bee']);
  });

  t.test('is waited out where a register was lost, or where it cannot be looked for', async (t) => {
    const a = new Script();
    a.contend(0);
    a.read(0, 5, held('b', 'b.1', 1));
    t.equal(a.lease.wakeAt, 1_500, 'an older build: only the safety net');

    const b = standby();
    b.reconnected(50);
    b.read(60, 1, shown('b.9'), 'another');
    for (let at = 550; at < 1_100; at += 100) {
      b.tick(at);
      t.notMatch(b.looked(at + 1, false).join(), /read/, 'the lost one may have been held by somebody else');
    }
  });
});

t.test('what a watch says is believed only where it is a renewal', async (t) => {
  const a = new Script().lead();
  t.same(a.watched(20, 1, held('a', 'a.1', 1)), [], 'our own');
  t.same(a.watched(30, 1_000, held('forged', 'f.1', 9)), ['read 2']);
  t.same(a.read(31, 1, held('a', 'a.1', 1)), []);
  t.equal(a.lease.validUntil, 2_700);
});

t.test('a forged renewal is corrected by the next read', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 5, held('b', 'b.1', 1));
  a.watched(10, 1_000_000, held('b', 'b.2', 1));
  t.same(a.tick(1_510), ['read 2']);
  a.read(1_511, 5, held('b', 'b.1', 1));
  a.tick(3_011);
  a.read(3_012, 5, held('b', 'b.1', 1));
  a.tick(4_512);
  t.same(a.read(4_811, 5, held('b', 'b.1', 1)), ['write a.1 by a epoch 2 expecting 5']);
});

t.test('a read that was sent before something newer was seen does not turn the clock back', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 5, held('b', 'b.1', 1));
  a.tick(1_500);
  a.watched(1_510, 6, held('b', 'b.2', 1));
  a.read(1_520, 5, held('b', 'b.1', 1));
  a.tick(3_020);
  a.read(3_030, 6, held('b', 'b.2', 1));
  a.tick(4_530);
  t.same(a.read(4_810, 6, held('b', 'b.2', 1)), ['write a.1 by a epoch 2 expecting 6']);
});

t.test('resigning ends leadership first and then says so', async (t) => {
  const a = new Script().lead();
  t.same(a.withdraw(100), ['lost epoch 1: resigned', 'write a.2 by nobody epoch 1 expecting 1']);
  t.same(a.acknowledged(110, 'a.2', 2), ['withdrawn']);
});

t.test('resigning during a renewal waits for its answer', async (t) => {
  const a = new Script().lead();
  a.tick(500);
  t.same(a.withdraw(510), ['lost epoch 1: resigned']);
  t.same(a.acknowledged(520, 'a.2', 2), ['write a.3 by nobody epoch 1 expecting 2']);
  t.same(a.conflict(530, 'a.3'), ['read 2']);
  t.same(a.read(540, 3, held('b', 'b.1', 2)), ['withdrawn'], 'somebody else came first');
});

t.test('withdrawing during an acquisition undoes it if it was taken', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 0, empty);
  t.same(a.withdraw(10), []);
  t.same(a.acknowledged(20, 'a.1', 1), ['write a.2 by nobody epoch 1 expecting 1']);
  t.same(a.acknowledged(30, 'a.2', 2), ['withdrawn']);
  t.same(a.withdraw(40), ['withdrawn']);
});

t.test('withdrawing with nothing to undo is done at once', async (t) => {
  const a = new Script();
  a.contend(0);
  t.same(a.withdraw(10), ['withdrawn']);
});

t.test('withdrawing after a write that was refused waits for nothing', async (t) => {
  const a = new Script();
  a.contend(0);
  a.read(0, 0, empty);
  t.same(a.conflict(5, 'a.1'), ['read 2']);
  t.same(a.withdraw(10), ['withdrawn']);
});

t.test('who contends while it still resigns gains nothing by its old writes, and lets another go first', async (t) => {
  const a = new Script().lead();
  t.same(a.withdraw(100), ['lost epoch 1: resigned', 'write a.2 by nobody epoch 1 expecting 1']);
  t.same(a.contend(110), ['withdrawn', 'read 2']);
  t.same(a.acknowledged(120, 'a.2', 2), []);
  t.same(a.read(130, 2, held(null, 'a.2', 1)), []);
  t.equal(a.lease.validUntil, undefined);
  t.same(a.tick(130 + timing.courtesyMs), ['read 3']);
  t.same(a.read(400, 2, held(null, 'a.2', 1)), ['write a.3 by a epoch 2 expecting 2']);
});

t.test('an epoch heard of is exceeded', async (t) => {
  const a = new Script();
  a.heard(0, 41);
  a.contend(0);
  t.same(a.read(0, 0, empty), ['write a.1 by a epoch 42 expecting 0']);
});

t.test('a leader that resigns because of a higher epoch tells it to whoever comes next', async (t) => {
  const a = new Script().lead();
  a.heard(100, 41);
  t.same(a.withdraw(100), ['lost epoch 1: resigned', 'write a.2 by nobody epoch 41 expecting 1']);
  const b = new Script();
  b.contend(0);
  t.same(b.read(0, 2, held(null, 'x.2', 41)), ['write a.1 by a epoch 42 expecting 2']);
});

t.test('no two lead, and somebody does in the end, whatever goes wrong', async (t) => {
  const seeds = 600;
  let elections = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = simulate(seed);
    elections += outcome.elections;
    if (outcome.trouble !== undefined) t.fail(`seed ${seed}: ${outcome.trouble}`);
  }
  t.comment(`${seeds} seeds, ${elections} elections`);
  t.ok(elections > 3 * seeds, 'the faults cost enough leaderships to mean something');
});

t.test('a simulation replays', async (t) => {
  t.same(simulate(7), simulate(7));
});

t.test('the observer', async (t) => {
  const script = (mayRead = true): ((input: ObserverInput) => string[]) => {
    const observer = new Observer(timing, mayRead);
    return (input) =>
      observer
        .step(input)
        .map((effect: ObserverEffect) =>
          effect.type === 'read'
            ? `read ${effect.number}`
            : `leader ${effect.leader?.pid ?? 'nobody'} epoch ${effect.leader?.epoch ?? '-'}`,
        );
  };
  const read = (now: number, number: number, seq: number, value: RegisterValue): ObserverInput => ({
    type: 'read',
    now,
    number,
    observation: { seq, value },
  });

  t.test('believes a record at first sight, renewals silently, and nobody after a lease without', async (t) => {
    const step = script();
    t.same(step({ type: 'start', now: 0 }), ['read 1']);
    t.same(step(read(0, 1, 5, held('b', 'b.1', 3))), ['leader master@b#1 epoch 3']);
    t.same(step({ type: 'watched', now: 500, observation: { seq: 6, value: held('b', 'b.2', 3) } }), []);
    t.same(step({ type: 'tick', now: 2_000 }), ['read 2']);
    t.same(step(read(2_000, 2, 6, held('b', 'b.2', 3))), []);
    t.same(step({ type: 'tick', now: 3_799 }), ['read 3']);
    t.same(step({ type: 'tick', now: 3_800 }), ['leader nobody epoch -']);
    t.same(step(read(3_801, 3, 6, held('b', 'b.2', 3))), [], 'the same record is no news');
    t.same(step({ type: 'reconnected', now: 3_900 }), ['read 4']);
    t.same(step(read(3_901, 4, 7, held('b', 'b.3', 3))), ['leader master@b#1 epoch 3']);
  });

  t.test('reads what is no renewal, and says nobody at once after a resignation', async (t) => {
    const step = script();
    step({ type: 'start', now: 0 });
    step(read(0, 1, 5, held('b', 'b.1', 3)));
    const resigned = held(null, 'b.2', 3);
    t.same(step({ type: 'watched', now: 10, observation: { seq: 6, value: resigned } }), ['read 2']);
    t.same(step({ type: 'watched', now: 11, observation: { seq: 7, value: held('c', 'c.1', 4) } }), []);
    t.same(step(read(12, 2, 6, resigned)), ['leader nobody epoch -', 'read 3']);
    t.same(step(read(13, 3, 7, held('c', 'c.1', 4))), ['leader master@c#1 epoch 4']);
  });

  t.test('tells whom a leader follows, and since when that one was silent; of one that is back, nothing', async (t) => {
    const observer = new Observer(timing);
    const after = (input: ObserverInput): unknown =>
      observer.step(input).map((effect) => (effect.type === 'leader' ? effect.leader?.after : effect.type));
    t.same(after({ type: 'start', now: 0 }), ['read']);
    t.same(after(read(0, 1, 5, held('b', 'b.1', 3))), [undefined], 'nobody was seen before');
    after({ type: 'watched', now: 500, observation: { seq: 6, value: held('b', 'b.2', 3) } });
    t.same(after({ type: 'tick', now: 3_800 }), [undefined, 'read'], 'nobody leads');
    t.same(after(read(3_900, 2, 7, held('b', 'b.3', 3))), [undefined], 'it is back');
    after({ type: 'reconnected', now: 4_000 });
    t.same(after(read(4_100, 3, 8, held('c', 'c.1', 4))), [{ pid: 'master@b#1', epoch: 3, silentMs: 200 }]);
  });

  t.test('takes garbage for no news, and an empty register for nobody', async (t) => {
    const step = script();
    step({ type: 'start', now: 0 });
    t.same(step(read(0, 1, 0, empty)), ['leader nobody epoch -']);
    step({ type: 'reconnected', now: 10 });
    step(read(11, 2, 1, held('b', 'b.1', 1)));
    step({ type: 'reconnected', now: 20 });
    t.same(step(read(21, 3, 2, junk)), []);
    t.same(step({ type: 'tick', now: 1_600 }), ['read 4']);
    t.same(step({ type: 'tick', now: 3_311 }), ['leader nobody epoch -']);
  });

  t.test('that cannot read believes every record of its watch, and reads nothing', async (t) => {
    const step = script(false);
    const watched = (now: number, seq: number, value: RegisterValue): ObserverInput => ({
      type: 'watched',
      now,
      observation: { seq, value },
    });
    t.same(step({ type: 'start', now: 0 }), []);
    t.same(step({ type: 'tick', now: 3_299 }), [], 'a leader may be between two renewals');
    t.same(step({ type: 'tick', now: 3_300 }), ['leader nobody epoch -']);
    t.same(step(watched(4_000, 5, held('b', 'b.1', 3))), ['leader master@b#1 epoch 3']);
    t.same(step(watched(4_500, 6, held('b', 'b.2', 3))), []);
    t.same(step({ type: 'reconnected', now: 4_600 }), []);
    t.same(step(watched(4_700, 7, junk)), [], 'garbage is no news');
    t.same(step(watched(4_800, 8, held('c', 'c.1', 4))), ['leader master@c#1 epoch 4']);
    t.same(step(watched(4_900, 1, held('a', 'a.1', 1))), ['leader master@a#1 epoch 1'], 'the register was made anew');
    t.same(step({ type: 'tick', now: 8_199 }), []);
    t.same(step({ type: 'tick', now: 8_200 }), ['leader nobody epoch -']);
    t.same(step(watched(8_300, 2, held(null, 'a.2', 1))), []);
  });
});

t.test('a record is read back, and whatever is none is garbage with a reason', async (t) => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  t.same(decodeRecord(encodeRecord(record('a', 'a.1', 1))), held('a', 'a.1', 1));
  t.same(decodeRecord(encodeRecord(record(null, 'a.1', 1))), held(null, 'a.1', 1));
  for (const text of ['', 'null', '[]', '{}', '"x"', '{"holder":null}', '\u0000'])
    t.match(decodeRecord(bytes(text)), { type: 'foreign', why: /./ }, JSON.stringify(text));
  t.equal(decodeRecord(Uint8Array.of(0xff, 0xfe)).type, 'foreign');
  const good = record('a', 'a.1', 1);
  for (const wrong of [
    { holder: {} },
    { holder: undefined },
    { holder: { ...good.holder, pid: 'x' } },
    { nonce: '' },
    { nonce: 'x'.repeat(129) },
    { epoch: 0 },
    { epoch: 1.5 },
    { epoch: '1' },
    { leaseMs: 0 },
    { leaseMs: 1e12 },
  ])
    t.equal(decodeRecord(bytes(JSON.stringify({ ...good, ...wrong }))).type, 'foreign', JSON.stringify(wrong));
  t.equal(decodeRecord(bytes(JSON.stringify({ ...good, later: 1 }))).type, 'record');
});

t.test('an account without JetStream is told from a stream that cannot be used', async (t) => {
  for (const [code, reason] of [
    [10_039, 'no-jetstream'],
    [10_076, 'no-jetstream'],
    [10_059, 'no-stream'],
    [10_023, 'refused'],
  ] as const) {
    const answer = { error: { code: 503, err_code: code, description: 'so it is' } };
    const stream = new JetStreamStream({ name: 'S', ask: async () => ({ json: () => answer }) as never });
    await t.rejects(stream.state(), { name: 'StreamError', reason, message: 'so it is' });
  }
});

t.test('addresses', async (t) => {
  t.same(parseElectionAddress('standalone'), { type: 'standalone' });
  t.same(parseElectionAddress('master@m1'), { type: 'master', pid: 'master@m1' });
  t.same(parseElectionAddress('nats://127.0.0.1:4222/mesos'), {
    type: 'nats',
    servers: ['nats://127.0.0.1:4222'],
    cluster: 'mesos',
  });
  t.same(parseElectionAddress('host-1.example:5050'), { type: 'http', host: 'host-1.example', port: 5050 });
  t.same(parseElectionAddress('[::1]:5050'), { type: 'http', host: '::1', port: 5050 });
  const three = ['nats://a:1', 'nats://b', 'nats://[::1]:3'];
  for (const text of ['nats://a:1,b,[::1]:3/c-1_x', 'nats://a:1,nats://b,nats://[::1]:3/c-1_x'])
    t.same(parseElectionAddress(text), { type: 'nats', servers: three, cluster: 'c-1_x' });
  for (const text of [
    '',
    'm1',
    'nats://',
    'nats:///c',
    'nats://a:1',
    'nats://a:1/',
    'nats://a:1/c.d',
    'nats://a:1/c/d',
    'nats://a:1,/c',
    'nats://a b/c',
    'nats://a:1/c,nats://b:1/c',
    'nats://u:p@a:1/c',
    'm1:0',
    'm1:5050/x',
    'http://a',
  ])
    t.throws(() => parseElectionAddress(text), ElectionAddressInvalid, JSON.stringify(text));
});

t.test('standalone: the only contender leads at once, the detector names a fixed master', async (t) => {
  const clock = new VirtualClock();
  const options = { clock, random: new Random(1) };
  const contender = createContender('standalone', options);
  const leadership = await contender.contend(master('m1'));
  t.equal(leadership.epoch, 1);
  t.ok(leadership.isValid());
  await t.rejects(contender.contend(master('m1')), AlreadyContending);
  await contender.resign();
  t.notOk(leadership.isValid());
  t.equal(await leadership.lost, 'resigned');
  const second = await contender.contend(master('m1'));
  t.ok(second.isValid(), 'contending again is allowed');
  await contender.close();
  t.notOk(second.isValid());
  await t.rejects(contender.contend(master('m1')), ElectionClosed);

  const detector = createDetector('master@m1', options);
  const leader = await detector.detect();
  t.same(leader, { pid: 'master@m1', epoch: 1 });
  t.equal(parseUpid(leader?.pid ?? '').node, 'm1');
  const next = detector.detect(leader);
  await detector.close();
  await t.rejects(next, ElectionClosed);

  const appointing = new StandaloneDetector();
  const appointed = appointing.detect();
  appointing.appoint({ pid: 'master@m2' as Upid, epoch: 2 });
  t.same(await appointed, { pid: 'master@m2', epoch: 2 });
  t.equal(clock.timersPending, 0);

  t.throws(() => createContender('master@m1', options), ElectionAddressInvalid);
  t.throws(() => createDetector('standalone', options), ElectionAddressInvalid);
  t.throws(() => createContender('nats://a:1/c', { ...options, lease: { leaseMs: 0 } }), RangeError);
});

t.test('contenders and a detector over one register, in virtual time', async (t) => {
  const clock = new VirtualClock();
  const register = new MemoryRegister();
  const contender = (name: string) =>
    new LeaseContender({ clock, random: new Random(name), open: register.open, lease: { leaseMs: 3_000 } });
  const [one, two] = [contender('one'), contender('two')];
  const detector = new LeaseDetector({ clock, open: register.open });
  const first = await one.contend(master('m1'));
  const second = two.contend(master('m2'));
  const leader = await detector.detect();
  t.match(leader, { pid: 'master@m1#1', epoch: 1, info: { hostname: 'm1' } });
  await t.rejects(one.contend(master('m1')), AlreadyContending);
  await t.rejects(two.contend(master('m2')), AlreadyContending);

  await clock.advance(60_000);
  t.ok(first.isValid(), 'renewed all the while');
  register.put(junk);
  await clock.advance(60_000);
  t.ok(first.isValid(), 'garbage does not cost leadership');

  const change = detector.detect(leader);
  await two.resign();
  t.ok(first.isValid(), 'who does not lead has nothing to resign');
  const resigned = one.resign();
  t.notOk(first.isValid(), 'at once');
  const back = one.contend(master('m1'));
  await resigned;
  t.equal(await first.lost, 'resigned');
  t.equal(await change, undefined);
  await clock.advance(100);
  const { epoch, lost } = await second;
  t.equal(epoch, 2, 'who was waiting, and not who resigned, leads');
  const closed = t.rejects(back, ElectionClosed);
  await one.close();
  await closed;
  t.match(await detector.detect(), { pid: 'master@m2#1', epoch: 2 });

  register.put(held('m3', 'somebody', 9));
  await clock.advance(1_000);
  t.equal(await lost, 'master@m3#1 leads (epoch 9)');
  const again = two.contend(master('m2'));
  await clock.advance(4_000);
  t.equal((await again).epoch, 10, 'contending again after a loss');

  const pending = detector.detect({ pid: 'master@m2#1' as Upid, epoch: 10 });
  const three = contender('three');
  const never = three.contend(master('m3'));
  await clock.settle();
  const refusals = Promise.all([t.rejects(never, ElectionClosed), t.rejects(pending, ElectionClosed)]);
  await Promise.all([two.close(), three.close(), detector.close(), three.close()]);
  await refusals;
  t.equal(clock.timersPending, 0, 'no timer is left behind');
});
