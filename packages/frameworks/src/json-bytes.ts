import { messageOf, TaskDataError } from './errors.js';

/** A value as JSON in UTF-8: how the data of tasks, results and messages travels. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/**
 * Reads bytes that came from elsewhere; what they hold is still to be checked.
 * @throws {TaskDataError} saying what `what` lacks.
 */
export function decodeJson(what: string, bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) throw new TaskDataError(`${what} has no data`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TaskDataError(`${what} is not JSON: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Reads bytes as the fields of one object.
 * @throws {TaskDataError} when they hold anything else.
 */
export function decodeFields(what: string, bytes: Uint8Array | undefined): Readonly<Record<string, unknown>> {
  const value = decodeJson(what, bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TaskDataError(`${what} is not an object`);
  return value as Record<string, unknown>;
}

/** @throws {TaskDataError} naming the field, unless it holds a number. */
export function numberField(what: string, fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number') throw new TaskDataError(`${what} has no number ${name}`);
  return value;
}
