import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WhitelistFile, WhitelistUnusable } from '@mesos-ts/master';
import t, { type Test } from 'tap';
import { Rig } from './rig.js';

/* The hosts of which agents are offered (Mesos facts 4.6, `--whitelist`). */

/** A leader with that list, two agents, and a framework that declines nothing. */
async function leading(t: Test, content: string) {
  const folder = t.testdir({ hosts: content });
  const path = join(folder, 'hosts');
  const rig = await Rig.start(t, { whitelist: new WhitelistFile(path), offerTimeoutMs: 0 });
  const agents = [await rig.agent('cpus:1'), await rig.agent('cpus:2')];
  const scheduler = await rig.scheduler();
  return { rig, path, agents, scheduler };
}

t.test('Only agents on these hosts are offered, and the list is read again when it has changed', async (t) => {
  const { rig, path, agents, scheduler } = await leading(t, '\n agent-1 \n\nother.host\n');
  t.same(
    agents.map(({ hostname }) => hostname),
    ['agent-1', 'agent-2'],
  );
  t.same(scheduler.offered, ['cpus:1']);
  writeFileSync(path, 'agent-1\nagent-2\n');
  await rig.advance(4_999);
  t.same(scheduler.offered, ['cpus:1']);
  await rig.advance(1);
  t.same(scheduler.offered, ['cpus:1', 'cpus:2']);
});

t.test('While it cannot be read, or makes no sense, what it last said holds, and that is told of once', async (t) => {
  const { rig, path, scheduler } = await leading(t, 'agent-1\n');
  writeFileSync(path, 'agent-1\nagent-2 and more\n');
  await rig.advance(20_000);
  t.same(scheduler.offered, ['cpus:1']);
  t.equal(rig.count('whitelist_unusable'), 1);
  renameSync(path, `${path}.away`);
  await rig.advance(20_000);
  t.same(scheduler.offered, ['cpus:1']);
  t.equal(rig.count('whitelist_unusable'), 2);
  writeFileSync(path, 'agent-2\n');
  await rig.advance(5_000);
  t.same(scheduler.offered, ['cpus:1', 'cpus:2'], 'what was offered before stays so');
  t.equal(rig.count('whitelist_unusable'), 2);
});

t.test('An empty list is one of no host', async (t) => {
  const { scheduler } = await leading(t, '');
  t.same(scheduler.offered, []);
});

t.test('What is no list is refused at the start, with the line', async (t) => {
  const folder = t.testdir({ bad: 'a\nb c\n', folder: {} });
  const refused = (name: string, pattern: RegExp): void => {
    t.throws(() => new WhitelistFile(join(folder, name)), WhitelistUnusable);
    t.throws(() => new WhitelistFile(join(folder, name)), pattern);
  };
  refused('none', /cannot read .*none: ENOENT/);
  refused('bad', /bad, line 2: "b c" is no host/);
  refused('folder', /cannot read .*folder: EISDIR/);
  t.same(new WhitelistFile(fileOf(folder, 'x'.repeat(255))).hosts, ['x'.repeat(255)]);
  t.throws(() => new WhitelistFile(fileOf(folder, 'x'.repeat(256))), WhitelistUnusable);
  t.throws(() => new WhitelistFile(fileOf(folder, '\n'.repeat(17 * 1024 * 1024))), /bytes/);
  rmSync(folder, { recursive: true });
});

function fileOf(folder: string, content: string): string {
  const path = join(folder, 'some');
  writeFileSync(path, content);
  return path;
}
