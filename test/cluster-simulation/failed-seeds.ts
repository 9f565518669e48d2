/**
 * Seeds that once failed, and what they found. A change of what anybody says or when gives a seed another history, so each
 * of these bugs has a direct test as well.
 */
export const failedSeeds: Readonly<Record<string, string>> = {
  'x-1': 'a candidate whose reads fail at once repeated them without end',
  'x-3': 'a scheduler held itself to be registered with a master that held it to be disconnected',
  'y-23':
    'a leader kept an ended task for ever, as the acknowledgement of what the leader before had told passed it by',
  'x-25': 'a scheduler kept offers that a second registration had made void',
};
