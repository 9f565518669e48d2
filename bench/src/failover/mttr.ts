import { LocalCluster, type LocalClusterOptions, startConfiguration } from '@mesos-ts/cli';
import { ZookeeperServer } from '@mesos-ts/cli/testing';
import type { Measurement } from '../process/measurement.js';
import type { Session } from '../process/session.js';
import { type Blow, freeze, kill, reportRecoveries, stop } from './recovery.js';

const clusterName = 'mesos';
/** Of the election over NATS: the default of `mesos master`. */
const leaseMs = 3_000;
/** Of ZooKeeper: the default of `mesos master`, and of Mesos. */
const sessionMs = 10_000;

/** Two masters, one agent, ZooKeeper 3.8 with its default session of 10 s, a command task; ten runs on such a machine. */
const orientation = 'Mesos 1.12 over ZooKeeper: 8.9 to 11.3 s, of which the election 8.6 to 10.4 s';

interface Promised {
  readonly atMostMs: number;
  readonly maxAtMostMs?: number;
  readonly orientation?: string;
}

/** As `npm start` has it. */
export const mttrKill = row('mttr.kill', kill, { atMostMs: 700, maxAtMostMs: 2_000, orientation });
/** As `nats-server -js` has it: nobody tells of connections that end. */
export const mttrPlain = row('mttr.plain', kill, { atMostMs: 1_000 }, { natsAccounts: false });
export const mttrGraceful = row('mttr.graceful', stop, { atMostMs: 400 });
export const mttrFrozen = row('mttr.frozen', freeze, { atMostMs: leaseMs + 500 });

/** Elected over ZooKeeper, where the session of the dead must end first. */
export const mttrZookeeper: Measurement = {
  ids: ['mttr.zk', 'mttr.zk.max'],
  async run(session) {
    const zookeeper = await ZookeeperServer.start({ maxSessionTimeoutMs: sessionMs });
    try {
      const election = `zk://${zookeeper.address}/${clusterName}`;
      const options = {
        masterFlags: [...startConfiguration.masterFlags, '--election', election],
        agentFlags: ['--master', election],
      };
      await onCluster(session, options, (cluster) =>
        reportRecoveries(session, {
          id: 'mttr.zk',
          cluster,
          blow: kill,
          election,
          atMostMs: sessionMs + 500,
          orientation,
        }),
      );
    } finally {
      await zookeeper.stop();
    }
  },
};

function row(id: string, blow: Blow, promised: Promised, options: Partial<LocalClusterOptions> = {}): Measurement {
  return {
    ids: [id, `${id}.max`],
    run: (session) =>
      onCluster(session, options, (cluster) =>
        reportRecoveries(session, { id, cluster, blow, election: `${cluster.natsUrl}/${clusterName}`, ...promised }),
      ),
  };
}

async function onCluster(
  session: Session,
  options: Partial<LocalClusterOptions>,
  work: (cluster: LocalCluster) => Promise<void>,
): Promise<void> {
  const cluster = await LocalCluster.start({ ...startConfiguration, cluster: clusterName, ...options });
  try {
    await work(cluster);
  } finally {
    await session.release();
    await cluster.stop();
  }
}
