/**
 * Checks an argument that counts or numbers something.
 *
 * @throws {RangeError} naming the argument, unless `value` is a whole number from `min` to `max`.
 */
export function requireWhole(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} is ${String(value)}; it must be a whole number from ${min} to ${max}`);
}
