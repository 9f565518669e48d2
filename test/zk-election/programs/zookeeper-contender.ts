// A candidate over ZooKeeper in an OS process of its own, for tests that kill it. Arguments: the address of the election,
// a name, and the timeout of the session in ms. Says `elected <epoch>`, and whenever it is asked by a line on its standard
// input `sure` or `unsure`; at the end `lost <why>`.

import { createInterface } from 'node:readline';
import { Random, SystemClock, type Upid } from '@mesos-ts/process';
import type { MasterId } from '@mesos-ts/protocol';
import { createContender } from '@mesos-ts/zk-election';

const [address = '', name = '', sessionTimeoutMs = ''] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const contender = createContender(address, {
  clock: new SystemClock(),
  random: Random.system(),
  sessionTimeoutMs: Number(sessionTimeoutMs),
});
const info = { id: `${name}-id` as MasterId, pid: `master@${name}#1` as Upid, hostname: name, version: '0' };
const leadership = await contender.contend(info);
say(`elected ${leadership.epoch}`);
// To the end of its standard input: a question that waits when it thaws may be read after it has lost its leadership.
createInterface({ input: process.stdin }).on('line', () => say(leadership.isValid() ? 'sure' : 'unsure'));
say(`lost ${await leadership.lost}`);
await contender.close();
