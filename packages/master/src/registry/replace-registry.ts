import type { Clock } from '@mesos-ts/process';
import { FencedStorage, fenceKey, parseFence } from './fenced-storage.js';
import { registryContent } from './registry-content.js';
import { encodeRegistryRecord, type RegistryRecord } from './registry-record.js';
import type { RegistryStorage } from './registry-storage.js';

export interface Replaced {
  readonly written: number;
  /** Were there, and are no more. */
  readonly forgotten: number;
}

/** How many writes are asked for at once. */
const batch = 10_000;

/**
 * Makes a storage hold these records and nothing else of what can be read; what cannot be read stays. Whoever led until now
 * can write no more, and finds out when it next tries. The fence keeps the epoch of that leader, so that the next one, whose
 * epoch is a later one, finds nothing in its way.
 *
 * Not one change but many: where it rejects, a part may be done, and doing it again does the rest.
 * @param by for people who look at the fence.
 * @throws {RegistryLost}, {RegistryUnreadable}
 */
export async function replaceRegistry(
  { clock, storage, by }: { readonly clock: Clock; readonly storage: RegistryStorage; readonly by: string },
  records: readonly RegistryRecord[],
): Promise<Replaced> {
  const { record: fence } = await storage.newest(fenceKey);
  const epoch = parseFence(fence)?.epoch ?? 0;
  const fenced = new FencedStorage({ clock, storage });
  try {
    const { registry } = registryContent((await fenced.open(epoch, by)).records);
    const staying = new Set(records.map(recordName));
    const forgotten = [...registry.records()].filter((record) => !staying.has(recordName(record))).map(forgetting);
    const all = [...records, ...forgotten].map((record) => encodeRegistryRecord(record, epoch));
    for (let from = 0; from < all.length; from += batch)
      await Promise.all(all.slice(from, from + batch).map((record) => fenced.write(record)));
    await fenced.complete();
    return { written: records.length, forgotten: forgotten.length };
  } finally {
    fenced.close();
  }
}

function recordName({ kind, id }: RegistryRecord): string {
  return `${kind} ${id}`;
}

function forgetting({ kind, id }: RegistryRecord): RegistryRecord {
  return { kind, id, value: { state: 'forgotten' } } as RegistryRecord;
}
