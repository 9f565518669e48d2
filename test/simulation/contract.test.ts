import { message, Process, type Upid, upid } from '@mesos-ts/process';
import { type Machine, property, Simulation } from '@mesos-ts/process/testing';
import { Type } from '@sinclair/typebox';
import t from 'tap';
import { contractScenario } from './contract-world.js';

const command = 'npm test -- simulation/contract';

t.test('whatever processes do and whatever happens to them, the contract holds', async (t) => {
  const tally = new Map<string, number>();
  const options = { runs: Number(process.env.RUNS ?? 40), command, print: (line: string) => t.comment(line) };
  await t.resolves(
    property('the contract', options, async (simulation) => {
      for (const [what, count] of (await contractScenario(simulation)).tally)
        tally.set(what, (tally.get(what) ?? 0) + count);
    }),
  );
  t.comment(JSON.stringify(Object.fromEntries(tally)));
  const happens = ['heard', 'answered', 'ended', 'failed', 'absent', 'connection-lost', 'node-down', 'node-silent'];
  const settles = ['TIMED_OUT', 'NO_SUCH_NODE', 'NO_SUCH_PROCESS', 'DISCONNECTED', 'REFUSED', 'ABORTED'];
  for (const what of [...happens, ...settles]) t.ok(tally.has(what), `${what} happens`);
});

const Blob = message('Blob', { bytes: Type.Uint8Array() });

/** Says what it is told to, and hears. */
class Speaker extends Process {
  readonly heard: number[] = [];
  readonly exits: string[] = [];

  protected override initialize(): void {
    this.install(Blob, (_from, { bytes }) => {
      this.heard.push(bytes.byteLength);
    });
  }

  protected override exited(_pid: Upid, reason: string): void {
    this.exits.push(reason);
  }

  tell(to: Upid, ...sizes: number[]): void {
    this.link(to);
    for (const size of sizes) this.send(to, Blob, { bytes: new Uint8Array(size) });
  }
}

for (const [what, cut] of Object.entries({ 'a part of it': [0, 1], 'word that it arrived': [1, 0] }))
  t.test(`a large message does not stop what follows it for good when ${what} is lost`, async (t) => {
    const simulation = new Simulation({ seed: what, trace: false });
    const speakers = [new Speaker('s0'), new Speaker('s1')] as const;
    const machines = speakers.map((speaker, i) =>
      simulation.machine(`m${i}`, ({ node }) => void node.spawn(speaker)),
    ) as [Machine, Machine];
    await simulation.settle();
    const [speaker, listener] = speakers;
    const to = upid('s1', 'm1');
    speaker.tell(to, 2_000_000);
    await simulation.advance(1_000);
    t.strictSame(listener.heard, [2_000_000]);
    const heal = simulation.partition([machines[cut[0] as 0]], [machines[cut[1] as 1]], { oneWay: true });
    speaker.tell(to, 20_000_000, 1);
    await simulation.advance(1_000);
    heal();
    await simulation.advance(2_000);
    t.strictSame(speaker.exits, ['connection-lost'], 'it is told');
    speaker.tell(to, 30_000_000, 2);
    await simulation.advance(2_000);
    t.strictSame(listener.heard.slice(-2), [30_000_000, 2], 'and what is said then arrives');
    t.strictSame(speaker.exits, ['connection-lost'], 'the new link holds');
  });
