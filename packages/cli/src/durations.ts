/** The units that Mesos' own flags take, in ms. */
const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  secs: 1_000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

/** Reads `250ms`, `15secs`, `10mins`, `1.5hrs`, `1weeks`; `s` is short for `secs`. @throws {TypeError} saying what is wrong. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(text.trim());
  const unit = unitMs[match?.[2] ?? ''];
  if (match === null || unit === undefined)
    throw new TypeError(
      `${JSON.stringify(text)} is not a duration: write a number and one of ${Object.keys(unitMs).join(', ')}`,
    );
  return Math.round(Number(match[1]) * unit);
}
