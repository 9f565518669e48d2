import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '@mesos-ts/process';
import t from 'tap';
import { FailoverScene } from '../support/failover-scene.js';
import { overNats, overPlainNats, overZookeeper } from '../support/scene-election.js';

/** Longer than a lease, and than what is silent is held to be alive. */
const frozenMs = 6_500;

type Blow = (scene: FailoverScene) => Promise<void>;

const blows: Readonly<Record<string, Blow>> = {
  'the leader is killed': async (scene) => {
    const leader = await scene.leader();
    await scene.killLeader(leader);
    await scene.restartMaster(scene.masterOf(leader));
  },
  'the leader is frozen and goes on': async (scene) => {
    await freeze(scene.masterOf(await scene.leader()).pid, frozenMs);
  },
  'the leader is frozen for less than its lease': async (scene) => {
    await freeze(scene.masterOf(await scene.leader()).pid, 1_000);
  },
  'the NATS server is killed and started again': (scene) => scene.cluster.restartNats(),
  'the leader is killed, and the NATS server with it': async (scene) => {
    const leader = await scene.leader();
    const master = scene.masterOf(leader);
    process.kill(master.pid, 'SIGKILL');
    await scene.cluster.restartNats();
    await master.ended;
    await scene.leader(leader);
    await scene.restartMaster(master);
  },
  'an agent is frozen and goes on': async ({ cluster }) => {
    for (const { pid } of cluster.agents.slice(0, 1)) await freeze(pid, frozenMs);
  },
  'a scheduler is frozen and goes on': async ({ first }) => {
    if (first.child.pid !== undefined) await freeze(first.child.pid, frozenMs);
  },
};

async function freeze(pid: number, forMs: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await pause(forMs);
  process.kill(pid, 'SIGCONT');
}

/** Replays what was drawn, and in which order things happen; not to the millisecond when. */
const seed = process.env.SEED || Random.system().token(8);

t.test(
  `whatever befalls masters, NATS and agents, in whatever order, with SEED=${seed}: all work is done, once`,
  async (t) => {
    t.comment(`again: SEED=${seed} npm test -- cluster/failover-mixed`);
    const random = new Random(seed);
    const election = [overNats, overPlainNats, overZookeeper][random.integer(3)] ?? overNats;
    t.comment(election.name);
    const scene = await FailoverScene.start(t, { election });
    for (const name of inAnyOrder(random, Object.keys(blows))) {
      t.comment(name);
      await striking(name, scene);
    }
    await scene.finish();
  },
);

/** Resolves when work goes on after that blow; the error says after which one it does not. */
async function striking(name: string, scene: FailoverScene): Promise<void> {
  try {
    await blows[name]?.(scene);
    for (const framework of scene.frameworks) await framework.pieces(framework.done + 10);
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

function inAnyOrder(random: Random, names: readonly string[]): string[] {
  const drawn = names.map((name) => ({ name, lot: random.fraction() }));
  return drawn.sort((a, b) => a.lot - b.lot).map(({ name }) => name);
}
