import { message, type Process } from '@mesos-ts/process';
import { longTailLatency, type Machine, RandomFaults, type Simulation, type Storage } from '@mesos-ts/process/testing';
import { Type } from '@sinclair/typebox';

/** Asks the lock server for the lock. The epoch is 0 when somebody else has it, and grows with every grant. */
export const Acquire = message('Acquire', {}, { reply: message('Granted', { epoch: Type.Integer() }) });
/** Changes what the lock guards. */
export const Write = message('Write', { epoch: Type.Integer() });

/** How long a grant lasts. */
export const leaseMs = 1_000;

/** Who may have the lock, as seen from outside. */
export interface LockUser extends Process {
  /** Whether it would act as the holder at this moment. */
  readonly holds: boolean;
}

/** One way to build a lock: three programs that know nothing of each other but the messages above. */
export interface LockDesign {
  server(storage: Storage): Process;
  user(): LockUser;
  /** What the lock guards; tells `wrote` of each write that it lets through. */
  store(wrote: (epoch: number) => void): Process;
}

/** Slow now and then, as a network that loses packets and repeats them is. */
export const lockNetwork = { latency: longTailLatency(0.2, 800) };

/** Four users, whose clocks go up to 1 % wrong, and every fault for 20 s: nobody may write after a later holder did. */
export function lockScenario(design: LockDesign): (simulation: Simulation) => Promise<void> {
  return async (simulation) => {
    let latest = 0;
    const wrote = (epoch: number): void => {
      simulation.note(`write of epoch ${epoch}`);
      if (epoch < latest) throw new Error(`the holder of epoch ${epoch} wrote after that of epoch ${latest}`);
      latest = epoch;
    };
    const users = new Map<Machine, LockUser>();
    simulation.machine('lock', ({ node, storage }) => void node.spawn(design.server(storage)));
    simulation.machine(
      'store',
      ({ node }) => void node.spawn(design.store((epoch) => simulation.observe(() => wrote(epoch)))),
    );
    for (const [i, clockRate] of [0.99, 1, 1, 1.01].entries()) {
      const machine = simulation.machine(
        `u${i}`,
        ({ node }) => {
          const user = design.user();
          users.set(machine, user);
          node.spawn(user);
        },
        { clockRate },
      );
    }
    simulation.invariant(() => {
      const holders = [...users].filter(([machine, user]) => machine.up && user.holds).map(([{ name }]) => name);
      if (holders.length > 1) throw new Error(`${holders.join(' and ')} hold the lock at the same time`);
    });
    const machines = simulation.machines.filter(({ name }) => name !== 'store');
    new RandomFaults(simulation, { everyMs: 1_000, lastMs: 3_000, machines });
    await simulation.advance(20_000);
    if (latest === 0) throw new Error('nobody ever got to write');
  };
}
