import type { Session } from './session.js';

const listed = 4;

/** `turn.max`: the longest turn of the event loop in what was measured before, the large messages apart. */
export function reportTurns({ report, watches }: Session): void {
  const turns = watches.turns().filter(({ id }) => !id.startsWith('large.'));
  const [longest] = turns;
  if (longest === undefined) return;
  const note = turns
    .slice(0, listed)
    .map(({ ms, id, role }) => `${ms.toFixed(1)} ms in ${id} at its ${role}`)
    .join('; ');
  report.add({ id: 'turn.max', unit: 'ms', value: longest.ms, target: { atMost: 20 }, note });
}
