import { type AdmittedAgent, type AdmittedFramework, type Registry, type Since, weightsOf } from './registry.js';
import { decodeRegistryRecord, encodeRegistryRecord, type RegistryRecord } from './registry-record.js';

/** Of the form of the document. */
const documentVersion = 1;
const form = 'mesos-registry';
const lists = ['agents', 'unreachable', 'gone', 'frameworks', 'removedFrameworks'] as const;

/**
 * All of a registry as JSON, for people, tools and `mesos registry import`. Times are in ms since 1970.
 * Of two registries that hold the same in the same order, it is the same.
 */
export function registryDocument(registry: Registry): string {
  const content = {
    ...Object.fromEntries(lists.map((list) => [list, [...registry[list].values()]])),
    quotas: [...registry.quotas.values()],
    weights: weightsOf(registry.weights),
  };
  return `${JSON.stringify({ form, version: documentVersion, ...content }, undefined, 2)}\n`;
}

/** The document is not one that could be imported: the message says where it is wrong. */
export class RegistryDocumentInvalid extends Error {
  override readonly name = 'RegistryDocumentInvalid';
  readonly code = 'REGISTRY_DOCUMENT_INVALID';
}

/**
 * The records of what {@link registryDocument} wrote. Every one of them is checked as if it were read from a storage.
 * @throws {RegistryDocumentInvalid}
 */
export function parseRegistryDocument(text: string): RegistryRecord[] {
  const document = parsed(text);
  const records = lists.flatMap((list) => {
    const entries = document[list];
    if (!Array.isArray(entries)) throw new RegistryDocumentInvalid(`its field ${list} is not a list`);
    return entries.map((entry: unknown, index) =>
      checked(`${list}[${index}]`, () => recordMakers[list](entry as never)),
    );
  });
  for (const id of ['quotas', 'weights'] as const) records.push(...settings(id, document[id]));
  const seen = new Set<string>();
  for (const record of records) {
    const key = `${record.kind} ${record.id}`;
    if (seen.has(key)) throw new RegistryDocumentInvalid(`it holds the ${key} twice`);
    seen.add(key);
  }
  return records;
}

/** Documents from before there were any lack them. */
function settings(id: 'quotas' | 'weights', entries: unknown): RegistryRecord[] {
  if (entries === undefined) return [];
  if (!Array.isArray(entries)) throw new RegistryDocumentInvalid(`its field ${id} is not a list`);
  if (entries.length === 0) return [];
  const record = checked(id, () => ({ kind: 'settings', id, value: { state: 'set', [id]: entries } }) as never);
  const roles = new Set<string>();
  for (const { role } of entries as readonly { readonly role: string }[]) {
    if (roles.has(role)) throw new RegistryDocumentInvalid(`its field ${id} holds the role ${role} twice`);
    roles.add(role);
  }
  return [record];
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new RegistryDocumentInvalid('it is not JSON', { cause: error });
  }
  if (typeof document !== 'object' || document === null || !('form' in document) || document.form !== form)
    throw new RegistryDocumentInvalid(`it is not what \`mesos registry export\` writes: its field form is not ${form}`);
  const { version } = document as { readonly version?: unknown };
  if (version !== documentVersion)
    throw new RegistryDocumentInvalid(
      `its version is ${JSON.stringify(version)}, and ${documentVersion} is known here`,
    );
  return document as unknown as Readonly<Record<string, unknown>>;
}

const recordMakers: Readonly<Record<(typeof lists)[number], (entry: never) => RegistryRecord>> = {
  agents: ({ id, info, admittedAt: at }: AdmittedAgent) => agent(id, { state: 'admitted', info, at }),
  unreachable: ({ id, since: at }: Since<AdmittedAgent['id']>) => agent(id, { state: 'unreachable', at }),
  gone: ({ id, since: at }: Since<AdmittedAgent['id']>) => agent(id, { state: 'gone', at }),
  frameworks: ({ id, info, disconnectedSince }: AdmittedFramework) =>
    framework(id, { state: 'admitted', info, ...(disconnectedSince === undefined ? {} : { disconnectedSince }) }),
  removedFrameworks: ({ id, since: at }: Since<AdmittedFramework['id']>) => framework(id, { state: 'removed', at }),
};

function agent(id: AdmittedAgent['id'], value: (RegistryRecord & { kind: 'agent' })['value']): RegistryRecord {
  return { kind: 'agent', id, value };
}

function framework(
  id: AdmittedFramework['id'],
  value: (RegistryRecord & { kind: 'framework' })['value'],
): RegistryRecord {
  return { kind: 'framework', id, value };
}

/** Whatever is wrong with an entry shows when it is made a record, or when that is read. */
function checked(where: string, make: () => RegistryRecord): RegistryRecord {
  let why: string;
  try {
    const decoded = decodeRegistryRecord(encodeRegistryRecord(make(), 0));
    if (decoded.type === 'record') return decoded.record;
    why = decoded.why;
  } catch (error) {
    why = (error as Error).message;
  }
  throw new RegistryDocumentInvalid(`${where} is no such entry: ${why}`);
}
