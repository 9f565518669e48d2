import { startNatsServer } from '@mesos-ts/cli';
import { type Measurement, paired } from '../process/measurement.js';
import type { RegistryOperations } from '../programs/registry.js';
import { repeat } from '../repeated.js';

const repetition = { warmUps: 1, runs: 5 };

/** What a leader writes to its registry on JetStream, and how long the next one takes to read it. */
export const registry: Measurement = {
  ids: ['registry.writes', 'registry.recover'],
  async run(session) {
    const nats = await startNatsServer({});
    try {
      const program = session.start<RegistryOperations>('registry');
      await program.call('start', nats.url);
      await program.call('recover');
      const { ours, published } = await session.compare(
        'registry.writes',
        { leader: program },
        () => program.call('write'),
        { published: () => program.call('publish') },
        repetition,
      );
      const baseline = { name: 'raw JetStream publishes, 256 in flight, without expectation', measured: published };
      session.report.add(paired('registry.writes', '1/s', ours, { atLeast: 25_000 }, baseline));
      const { median, spread } = await repeat(() => program.call('recover'), repetition);
      const note = 'fence and read 20,000 agents';
      session.report.add({ id: 'registry.recover', unit: 'ms', value: median, spread, note });
      await session.release();
    } finally {
      await nats.stop();
    }
  },
};
