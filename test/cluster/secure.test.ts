import { join } from 'node:path';
import t from 'tap';
import { SecureServer } from '../cli/secure-server.js';
import { eventually, MesosCommand, runMesos } from '../support/command.js';
import { environmentOf, processesWith } from '../support/processes.js';
import { within } from '../support/within.js';

/** An nkey seed. Public keys begin with U. */
const secret = /SU[A-Z2-7]{56}/;

t.test(
  'three masters, two agents and a framework, each with credentials of its own, outlive their leader',
  async (t) => {
    const folder = t.testdir();
    const server = await SecureServer.start(t, [], join(folder, 'nats'));
    const start = (name: string, ...args: string[]): MesosCommand => {
      const command = new MesosCommand([...args, '--log-level', 'trace'], server.environmentOf(name));
      t.teardown(async () => {
        command.child.kill('SIGTERM');
        await command.outcome;
      });
      return command;
    };
    const masters = ['m1', 'm2', 'm3'].map((name) => ({ name, command: start(name, 'master') }));
    const agents = ['a1', 'a2'].map((name) =>
      start(name, 'agent', '--resources', 'cpus:2;mem:1024;disk:0', '--work-dir', join(folder, name)),
    );
    const sum = start('f1', 'framework', 'sum');
    await sum.line(/^sum: [1-8] of 10 tasks done/);
    const environments: string[] = [];
    await eventually('an executor runs', () => {
      for (const pid of processesWith(`MESOS_DIRECTORY=${folder}`)) environments.push(environmentOf(pid));
      return environments.some((environment) => environment !== '');
    });
    t.notMatch(environments.join(), /creds|NATS/, 'executors know nothing of NATS');

    const { stdout: before } = await runMesos(['resolve'], server.environmentOf('a2'));
    const leader = masters.find(({ name }) => before.startsWith(`master@${name}#`));
    t.ok(leader, before);
    leader?.command.child.kill('SIGKILL');
    const { stdout, stderr, code } = await within('the end of the sum', sum.outcome);
    t.equal(stdout, '1999999999000000000\n');
    t.equal(code, 0, stderr);
    const { stdout: after } = await runMesos(['resolve'], server.environmentOf('m1'));
    t.match(after, /^master@m\d#/);
    t.not(after, before, 'another master leads, and who has credentials sees which');

    for (const command of [...masters.map((master) => master.command), ...agents]) command.child.kill('SIGTERM');
    const outcomes = await Promise.all([...masters.map((master) => master.command), ...agents].map((c) => c.outcome));
    for (const outcome of [...outcomes, await server.stop()]) {
      t.notMatch(outcome.stdout + outcome.stderr, secret, 'nobody prints a secret');
      t.notMatch(outcome.stdout + outcome.stderr, /refused something|PERMISSIONS/, 'nobody does what is not permitted');
    }
  },
);
