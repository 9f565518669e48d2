// A candidate in an OS process of its own, for tests that kill it. Arguments: the address of the election, a name, the
// lease or the timeout of its session in ms and, for a NATS server that asks for them, options of the client as JSON. Says
// `contending` and then `elected <epoch>`, and whenever it is asked by a line on its standard input `sure` or `unsure`; at
// the end `lost <why>`.

import { createInterface } from 'node:readline';
import { Random, SystemClock, type Upid } from '@mesos-ts/process';
import type { MasterId } from '@mesos-ts/protocol';
import { createContender } from '@mesos-ts/zk-election';

const [address = '', name = '', timeoutMs = '', nats = '{}'] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const contender = createContender(address, {
  clock: new SystemClock(),
  random: Random.system(),
  lease: { leaseMs: Number(timeoutMs) },
  sessionTimeoutMs: Number(timeoutMs),
  nats: JSON.parse(nats),
});
const info = { id: `${name}-id` as MasterId, pid: `master@${name}#1` as Upid, hostname: name, version: '0' };
const contest = contender.contend(info);
say('contending');
const leadership = await contest;
say(`elected ${leadership.epoch}`);
const questions = createInterface({ input: process.stdin });
questions.on('line', () => say(leadership.isValid() ? 'sure' : 'unsure'));
say(`lost ${await leadership.lost}`);
questions.close();
await contender.close();
