import assert from 'node:assert/strict';
import { message, Node, Process, VirtualClock } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';

/* An actor that waits for days, and its test, which does not. */
const SetAlarm = message('SetAlarm', { afterMs: Type.Integer() });

class Alarm extends Process {
  rang = 0;

  protected override initialize(): void {
    this.install(SetAlarm, (_from, { afterMs }) => {
      this.delay(afterMs, () => {
        this.rang++;
      });
    });
  }
}

const dayMs = 24 * 3_600_000;
const clock = new VirtualClock();
const node = await Node.start({ clock });
const alarm = new Alarm('alarm');
node.send(node.spawn(alarm), SetAlarm, { afterMs: 3 * dayMs });

await clock.advance(3 * dayMs - 1);
assert.equal(alarm.rang, 0, 'not a millisecond too early');
await clock.advance(1);
assert.equal(alarm.rang, 1);

await node.stop();
assert.equal(clock.timersPending, 0, 'nothing is left behind');
console.log('three days passed, and the alarm rang once');
