import { message, Process, type Upid, upid } from '@mesos-ts/process';
import { Simulation } from '@mesos-ts/process/testing';
import { Type } from '@sinclair/typebox';
import { repeat } from '../repeated.js';
import type { Report, Scenario } from '../scenario.js';

const nodes = 100;
const hourMs = 3_600_000;
const Ping = message('Ping', { n: Type.Integer() });
const Pong = message('Pong', { n: Type.Integer() });

export const scenario: Scenario = {
  name: 'simulation',
  ids: ['simulation.hour', 'simulation.hour.linked'],
  description: 'an hour of simulated time in which 100 Nodes ping one leader every second',
  async run(report: Report): Promise<void> {
    await measure(report, 'simulation.hour', false, { atMost: 10_000 });
    await measure(report, 'simulation.hour.linked', true, undefined);
  },
};

/** @param linked whether every Node links to the leader, so that it is probed whenever it is silent for 250 ms. */
async function measure(
  report: Report,
  id: string,
  linked: boolean,
  target: { readonly atMost: number } | undefined,
): Promise<void> {
  report.progress(id);
  const { median, spread } = await repeat(() => hour(linked), { warmUps: 1, runs: 5 });
  report.add({ id, value: median, spread, unit: 'ms', ...(target === undefined ? {} : { target }) });
}

class Leader extends Process {
  protected override initialize(): void {
    this.install(Ping, (_from, { n }) => this.reply(Pong, { n }));
  }
}

class Pinger extends Process {
  pongs = 0;
  #n = 0;

  constructor(
    private readonly to: Upid,
    private readonly linked: boolean,
  ) {
    super('pinger');
  }

  protected override initialize(): void {
    this.install(Pong, () => {
      this.pongs++;
    });
    if (this.linked) this.link(this.to);
    this.delay(this.random.integer(1_000), () => this.#tick());
  }

  #tick(): void {
    this.send(this.to, Ping, { n: this.#n++ });
    this.delay(1_000, () => this.#tick());
  }
}

/** How long it took, in ms. */
async function hour(linked: boolean): Promise<number> {
  const simulation = new Simulation({ seed: 'hour', trace: false });
  simulation.machine('leader', ({ node }) => void node.spawn(new Leader('leader')));
  const pingers = Array.from({ length: nodes }, () => new Pinger(upid('leader', 'leader'), linked));
  for (const [i, pinger] of pingers.entries()) simulation.machine(`n${i}`, ({ node }) => void node.spawn(pinger));
  const startedAt = performance.now();
  await simulation.advance(hourMs);
  const took = performance.now() - startedAt;
  const pongs = pingers.reduce((sum, pinger) => sum + pinger.pongs, 0);
  if (pongs < nodes * 3_599) throw new Error(`only ${pongs} pongs`);
  return took;
}
