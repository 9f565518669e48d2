import { startNatsServer } from '@mesos-ts/cli';
import { sharedNowMs } from '../load.js';
import type { OtherProcess } from '../other-process.js';
import type { Measurement } from '../process/measurement.js';
import type { Session } from '../process/session.js';
import type { CandidateOperations } from '../programs/candidate.js';
import type { FillingOperations } from '../programs/filling-framework.js';
import type { ManyAgentsOperations } from '../programs/many-agents.js';
import { summary } from '../repeated.js';

const id = 'leader.turn.max';
const cluster = 'mesos';
const agents = 1_000;
const agentProcesses = 2;
const tasksPerAgent = 10;
const failovers = 5;

/** The longest turn of a new leader to which 1,000 agents come, with 10 tasks each. */
export const leaderTurns: Measurement = {
  ids: [id],
  async run(session) {
    const server = await startNatsServer();
    try {
      await report(session, server.url);
    } finally {
      await session.release();
      await server.stop();
    }
  },
};

async function report(session: Session, url: string): Promise<void> {
  let leader = await candidate(session, url, 0);
  await leader.call('leads');
  const framework = session.start<FillingOperations>('filling-framework');
  await framework.call('start', url, cluster, tasksPerAgent);
  session.report.progress(`${id}: ${agents} agents start`);
  const started = Array.from({ length: agentProcesses }, (_, i) =>
    session.start<ManyAgentsOperations>('many-agents').call('start', url, cluster, `a${i}`, agents / agentProcesses),
  );
  await Promise.all(started);
  await framework.call('offered', agents);
  const took: number[] = [];
  for (let n = 1; n <= failovers; n++) {
    const next = await candidate(session, url, n);
    const old = leader;
    await session.watches.during(id, { leader: next }, async () => {
      const killedAt = sharedNowMs();
      old.kill();
      await next.call('leads');
      took.push((await framework.call('offered', agents)) - killedAt);
    });
    session.report.progress(`${id}: failover ${n} of ${failovers}, ${took.at(-1)?.toFixed(0)} ms`);
    leader = next;
  }
  const [longest] = session.watches.turns().filter((turn) => turn.id === id);
  const note = `of ${failovers} failovers; each agent has ${tasksPerAgent} tasks; from kill -9 of the leader until all were registered and offered again: ${summary(took).median.toFixed(0)} ms in the median`;
  session.report.add({ id, unit: 'ms', value: longest?.ms ?? null, target: { atMost: 20 }, note });
}

async function candidate(session: Session, url: string, n: number): Promise<OtherProcess<CandidateOperations>> {
  const started = session.start<CandidateOperations>('candidate');
  await started.call('start', url, cluster, `m${n}`);
  return started;
}
