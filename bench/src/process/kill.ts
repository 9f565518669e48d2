import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CredentialsFolder, startNatsServer } from '@mesos-ts/cli';
import { sharedNowMs } from '../load.js';
import type { OtherProcess } from '../other-process.js';
import type { MortalOperations } from '../programs/mortal.js';
import { quantile, summary } from '../repeated.js';
import type { Measurement } from './measurement.js';
import type { Session } from './session.js';

const kills = 100;
/** How many victims live at a time: they are started before the first of them is killed, which is one after the other. */
const alive = 10;
/** Kills come at all moments between two probes, which are 125 ms apart. */
const stepMs = 13;
const survivorName = 'survivor';

/** Where the OS processes of one measurement meet. */
interface Place {
  readonly url: string;
  readonly connectionEvents: boolean;
  /** Empty where everybody is let in. */
  credentialsOf(name: string): string;
}

/** From kill -9 of an OS process to `exited` at a process that linked to one of its, where the server tells of connections. */
export const killHinted: Measurement = {
  ids: ['kill.hinted'],
  async run(session) {
    const path = mkdtempSync(join(tmpdir(), 'mesos-bench-'));
    try {
      const folder = CredentialsFolder.open(path, 'mesos');
      folder.add('master', [survivorName]);
      folder.add('agent', victimNames());
      // As `mesos nats --secure` starts it.
      const server = await startNatsServer({ config: folder.writeAccounts() });
      try {
        const place = { url: server.url, connectionEvents: true, credentialsOf: (name: string) => folder.fileOf(name) };
        await reportKills(session, 'kill.hinted', place, 50);
      } finally {
        await server.stop();
      }
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  },
};

/** The same on any NATS server: by probes alone. */
export const killPlain: Measurement = {
  ids: ['kill.plain'],
  async run(session) {
    const place = { url: await session.natsUrl(), connectionEvents: false, credentialsOf: () => '' };
    await reportKills(session, 'kill.plain', place, 500);
  },
};

async function reportKills(session: Session, id: string, place: Place, atMost: number): Promise<void> {
  session.report.progress(id);
  const survivor = session.start<MortalOperations>('mortal');
  await survivor.call('start', place.url, survivorName, place.credentialsOf(survivorName), place.connectionEvents);
  const took: number[] = [];
  const names = victimNames();
  while (names.length > 0) took.push(...(await killAll(session, survivor, place, names.splice(0, alive))));
  const { median, spread, min, max } = summary(took);
  const p99 = quantile(
    [...took].sort((a, b) => a - b),
    0.99,
  );
  const note = `the 99th of ${kills} kills, in the order of what they took; median ${ms(median)}, from ${ms(min)} to ${ms(max)}`;
  session.report.add({ id, unit: 'ms', value: p99, spread, target: { atMost }, note });
}

/** How long the survivor took to be told of each, in ms. */
async function killAll(
  session: Session,
  survivor: OtherProcess<MortalOperations>,
  { url, credentialsOf }: Place,
  names: readonly string[],
): Promise<number[]> {
  const victims = await Promise.all(
    names.map(async (name) => {
      const process = session.start<MortalOperations>('mortal');
      const pid = await process.call('start', url, name, credentialsOf(name), false);
      await survivor.call('link', pid);
      return { process, pid };
    }),
  );
  const took: number[] = [];
  for (const [i, { process, pid }] of victims.entries()) {
    await pause(stepMs * (i + 1));
    const killedAt = sharedNowMs();
    process.kill();
    const exit = await survivor.call('exit', pid);
    if (exit?.reason !== 'node-down') throw new Error(`${pid} was killed, and is ${exit?.reason}`);
    took.push(exit.atMs - killedAt);
  }
  return took;
}

function victimNames(): string[] {
  return Array.from({ length: kills }, (_, i) => `victim-${i}`);
}

function ms(value: number): string {
  return `${value.toPrecision(3)} ms`;
}
