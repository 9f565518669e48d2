import { type BodyOf, message } from '@mesos-ts/process';
import { MasterInfoSchema } from '@mesos-ts/protocol';
import { Type } from '@sinclair/typebox';

/** Longer leases in a record are taken for garbage: waiting them out would mean that nobody ever leads again. */
export const leaseMsMax = 600_000;

/** Declared as messages are, but written into the register and sent to nobody. */
const Record = message('LeaseRecord', {
  /** null: resigned, so that anybody may acquire at once. */
  holder: Type.Union([MasterInfoSchema, Type.Null()]),
  /** Of this one write: how its writer knows it again when the acknowledgement was lost. */
  nonce: Type.String({ minLength: 1, maxLength: 128 }),
  epoch: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER - 1 }),
  /** How long others wait, in ms since they last saw the record change, before they may take over. */
  leaseMs: Type.Integer({ minimum: 1, maximum: leaseMsMax }),
  /** Under what name its writer can be looked for; absent where it cannot, as with builds that knew no such thing. */
  here: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9]{1,64}$' })),
  /** Of its writer, as the server calls it in its events of connections. */
  connection: Type.Optional(Type.Object({ server: Type.String({ maxLength: 128 }), client: Type.Integer() })),
});

/** What the register holds: who leads and for how long that may be relied on. Plain JSON, for any tool to read. */
export type LeaseRecord = BodyOf<typeof Record>;

/** What was found in the register. */
export type RegisterValue =
  | { readonly type: 'empty' }
  | { readonly type: 'record'; readonly record: LeaseRecord }
  /** Something that is no record; somebody who knows may still hold the lease. */
  | { readonly type: 'foreign'; readonly why: string };

/** Whether both are records of one and the same leadership. */
export function isRenewal(before: RegisterValue | undefined, after: RegisterValue): boolean {
  if (before?.type !== 'record' || after.type !== 'record') return false;
  return before.record.epoch === after.record.epoch && before.record.holder?.pid === after.record.holder?.pid;
}

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
  if (Record.check(json)) return { type: 'record', record: json as LeaseRecord };
  return { type: 'foreign', why: `JSON that is no record: ${Record.explain(json)}` };
}
