// A candidate in an OS process of its own, for tests that kill it. Arguments: the address of the election, a name and
// the lease in ms. Says `contending` and then `elected <epoch>` or `lost <why>` in lines.

import { Random, SystemClock, type Upid } from '@mesos-ts/process';
import type { MasterId } from '@mesos-ts/protocol';
import { createContender } from '@mesos-ts/zk-election';

const [address = '', name = '', leaseMs = ''] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const contender = createContender(address, {
  clock: new SystemClock(),
  random: Random.system(),
  lease: { leaseMs: Number(leaseMs) },
});
const info = { id: `${name}-id` as MasterId, pid: `master@${name}#1` as Upid, hostname: name, version: '0' };
const contest = contender.contend(info);
say('contending');
const leadership = await contest;
say(`elected ${leadership.epoch}`);
say(`lost ${await leadership.lost}`);
await contender.close();
