import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../support/command.js';
import { FailoverScene } from '../support/failover-scene.js';
import type { SceneElection } from '../support/scene-election.js';

/** Ten leases: whatever waits for the frozen leader has come to its end, and what it was sent fills its sockets. */
const frozenMs = 30_000;

/** The test of a frozen leader; each election has it in a file of its own, as it takes so long. */
export function testFrozenLeader(election: SceneElection): void {
  const name = 'a leader that was frozen for 30 s does nothing as a leader when it goes on, and stands by';
  t.test(`${election.name}: ${name}`, async (t) => {
    const scene = await FailoverScene.start(t, { election });
    const first = await scene.leader();
    const frozen = scene.masterOf(first);
    process.kill(frozen.pid, 'SIGSTOP');
    const frozenAt = performance.now();
    const second = await scene.leader(first);
    t.not(scene.masterOf(second), frozen, 'another master leads');
    for (const framework of scene.frameworks) await framework.times('reregistered', 1);
    await pause(frozenMs - (performance.now() - frozenAt));
    process.kill(frozen.pid, 'SIGCONT');
    await eventually('it learns that it leads no more', () => scene.logged(frozen, /leads no more/));

    const processes = [...scene.cluster.agents, scene.masterOf(second)];
    for (const framework of scene.frameworks) await framework.pieces(framework.done + 40);
    for (const framework of scene.frameworks) {
      t.equal(framework.count('disconnected'), 1, 'the one failover is all that frameworks saw');
      t.notOk(scene.logged(framework, /later leader is known/), 'and nothing came to them from the old leader');
    }
    for (const one of processes) t.notOk(scene.logged(one, /later leader is known/), `nor to ${one.name}`);

    let leader = await scene.killLeader(second);
    if (scene.masterOf(leader) !== frozen) leader = await scene.killLeader(leader);
    t.equal(scene.masterOf(leader), frozen, 'it may lead again');
    await scene.finish();
  });
}
