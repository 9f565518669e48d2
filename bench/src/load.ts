/** What is sent before the event loop gets its turn: bounds memory, and is how real senders behave. */
export const burst = 1_000;
/** How long a Node lets its processes go on before the event loop gets its turn, in ms. */
const drainMs = 4;

/** Milliseconds on the clock that all OS processes of a machine share. */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Does `work` for 0 to `count` - 1. */
export async function inBursts(count: number, work: (i: number) => void): Promise<void> {
  for (let sent = 0; sent < count; sent += burst) {
    const end = Math.min(count, sent + burst);
    for (let i = sent; i < end; i++) work(i);
    await nextTurn();
  }
}

/** Does `work` for every item, in turns as long as those of a Node. */
export async function inTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let endsAt = performance.now() + drainMs;
  for (const item of items) {
    work(item);
    if (performance.now() < endsAt) continue;
    await nextTurn();
    endsAt = performance.now() + drainMs;
  }
  await nextTurn();
}

/** Does `work` `count` times, `inFlight` of them at a time; the rate per second. */
export async function inFlight(count: number, width: number, work: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: width }, one));
  return rate(count, performance.now() - startedAt);
}

/** How long each of `count` takes, one after the other, in ms. */
export async function tripTimes(count: number, work: (i: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await work(i);
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** Per second. */
export function rate(count: number, ms: number): number {
  return (count / ms) * 1_000;
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
