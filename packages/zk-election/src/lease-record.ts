import { message } from '@mesos-ts/process';
import { type MasterInfo, MasterInfoSchema } from '@mesos-ts/protocol';

/** What the register holds: who leads and for how long that may be relied on. Plain JSON, for any tool to read. */
export interface LeaseRecord {
  /** null: resigned, so that anybody may acquire at once. */
  readonly holder: MasterInfo | null;
  /** Of this one write: how its writer knows it again when the acknowledgement was lost. */
  readonly nonce: string;
  readonly epoch: number;
  /** How long others wait, in ms since they last saw the record change, before they may take over. */
  readonly leaseMs: number;
}

/** What was found in the register. */
export type RegisterValue =
  | { readonly type: 'empty' }
  | { readonly type: 'record'; readonly record: LeaseRecord }
  /** Something that is no record; somebody who knows may still hold the lease. */
  | { readonly type: 'foreign'; readonly why: string };

/** Longer leases in a record are taken for garbage: waiting them out would mean that nobody ever leads again. */
export const leaseMsMax = 600_000;
const nonceLengthMax = 128;

// The check is all that is used: this is not sent as a message.
const Holder = message('LeaseHolder', MasterInfoSchema.properties);

/** Bytes for the register. */
export function encodeRecord(record: LeaseRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/** Reads what the register holds; never throws. Unknown fields are let through. */
export function decodeRecord(data: Uint8Array): RegisterValue {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    return { type: 'foreign', why: `${data.length} bytes that are not JSON` };
  }
  const why = explain(json);
  return why === undefined ? { type: 'record', record: json as LeaseRecord } : { type: 'foreign', why };
}

function explain(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null) return 'JSON that is no object';
  const { holder, nonce, epoch, leaseMs } = json as Partial<Record<keyof LeaseRecord, unknown>>;
  if (holder !== null && !Holder.check(holder)) return `the holder is no MasterInfo: ${Holder.explain(holder)}`;
  if (typeof nonce !== 'string' || nonce === '' || nonce.length > nonceLengthMax)
    return `the nonce is no text of 1 to ${nonceLengthMax} characters`;
  if (!isWhole(epoch, Number.MAX_SAFE_INTEGER - 1)) return 'the epoch is no positive whole number';
  if (!isWhole(leaseMs, leaseMsMax)) return `leaseMs is no whole number from 1 to ${leaseMsMax}`;
  return undefined;
}

function isWhole(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}
