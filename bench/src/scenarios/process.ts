import { killHinted, killPlain } from '../process/kill.js';
import { large } from '../process/large.js';
import { localAsk, localSend } from '../process/local.js';
import type { Measurement } from '../process/measurement.js';
import { remoteAskP50, remoteAskRate } from '../process/remote-ask.js';
import { remoteFanIn, remoteSend } from '../process/remote-send.js';
import { Session } from '../process/session.js';
import { spawning } from '../process/spawning.js';
import { reportTurns } from '../process/turns.js';
import type { Report, RunOptions, Scenario } from '../scenario.js';

const measurements: readonly Measurement[] = [
  localSend,
  localAsk,
  remoteSend,
  remoteFanIn,
  remoteAskP50,
  remoteAskRate,
  spawning,
  large,
  killHinted,
  killPlain,
];
/** These have no turns worth watching. */
const unwatched: ReadonlySet<Measurement> = new Set([large, killHinted, killPlain]);
const longestTurn = 'turn.max';

export const scenario: Scenario = {
  name: 'process',
  description:
    'messages and asks on one Node and between OS processes, and what kill -9 of one takes to be told, beside a bare mailbox, raw NATS, moleculer and nact',
  ids: [...measurements.flatMap(({ ids }) => ids), longestTurn],
  async run(report: Report, options: RunOptions): Promise<void> {
    const session = new Session(report, options);
    try {
      for (const measurement of measurements) if (isWanted(measurement, options)) await measured(measurement, session);
      if (options.wants(longestTurn)) reportTurns(session);
      for (const profile of session.watches.profiles()) report.progress(profile);
    } finally {
      await session.stop();
    }
  },
};

/** The longest turn is that of all the others but these. */
function isWanted(measurement: Measurement, { wants }: RunOptions): boolean {
  return measurement.ids.some(wants) || (!unwatched.has(measurement) && wants(longestTurn));
}

async function measured(measurement: Measurement, session: Session): Promise<void> {
  await measurement.run(session);
  await session.release();
}
