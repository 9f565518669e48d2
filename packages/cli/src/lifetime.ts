/** Set by a parent that wants us to end with it: our standard input is a pipe that closes when it ends, however it ends. */
export const tetherVariable = 'MESOS_TETHER';

/** How long ending may take after it was asked for, before the process ends anyway. */
const endMsMax = 20_000;

/**
 * Resolves with the reason when this process is asked to end: Ctrl-C, TERM, HUP, or the end of a parent that holds us on
 * a tether. A second Ctrl-C, or {@link endMsMax}, ends it at once with exit code 1.
 */
export function askedToEnd(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (why: string): void => {
      if (asked && why === 'SIGINT') process.exit(1);
      asked = true;
      setTimeout(() => process.exit(1), endMsMax).unref();
      resolve(why);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ask(signal));
    if (process.env[tetherVariable] === 'stdin') {
      process.stdin.on('end', () => ask('the parent ended'));
      process.stdin.on('error', () => ask('the parent ended'));
      process.stdin.resume();
    }
  });
}
