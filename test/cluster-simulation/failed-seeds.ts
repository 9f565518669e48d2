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
  'final-b-71':
    'a leader that leads again took an old report of an agent for a new one, and asked about tasks that had ended',
  's5a-714': 'the same, and it said of tasks that had come later that they are gone',
  's5a-914': 'the same of what was said to its leadership before, of which a launch was still on its way',
};
