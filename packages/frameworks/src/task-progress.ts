import { decodeJson, encodeJson } from './json-bytes.js';

/** What an executor tells its scheduler of a task on its way, for display: the fraction of the work that is done. */
export function encodeProgress(fraction: number): Uint8Array {
  return encodeJson(Math.round(fraction * 1e4) / 1e4);
}

/** What the bytes hold, unchecked; undefined where they are malformed. */
export function decodeProgress(bytes: Uint8Array): unknown {
  try {
    return decodeJson('the progress of a task', bytes);
  } catch {
    return undefined;
  }
}
