import { MutableRegistry } from './registry.js';
import { decodeRegistryRecord } from './registry-record.js';
import type { StoredRecord } from './registry-storage.js';

/** What stored records say. */
export interface RegistryContent {
  readonly registry: MutableRegistry;
  /** What cannot be read, with the reason: everything else holds without it. */
  readonly unreadable: readonly { readonly key: string; readonly why: string }[];
  /** The keys of what was forgotten, and still takes room. */
  readonly forgotten: readonly string[];
}

/** Reads records, but for that of the fence, which is nobody's. Never throws. */
export function registryContent(records: readonly StoredRecord[]): RegistryContent {
  const registry = new MutableRegistry();
  const unreadable: { key: string; why: string }[] = [];
  const forgotten: string[] = [];
  for (const stored of records) {
    const decoded = decodeRegistryRecord(stored);
    if (decoded.type === 'unreadable') unreadable.push({ key: stored.key, why: decoded.why });
    else if (decoded.record.value.state === 'forgotten') forgotten.push(stored.key);
    else registry.take(decoded.record);
  }
  return { registry, unreadable, forgotten };
}
