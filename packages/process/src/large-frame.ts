import { pack, unpack } from 'msgpackr';
import { decodeFrame, type Envelope, encodeFrame, type Frame, isCount, Layout } from './frame.js';

/*
 * A frame with one envelope that is larger than a transport takes: what leaves and arrives in chunks. Long binary fields
 * of the body stand behind the frame, so that their bytes are neither copied to be encoded nor to be decoded:
 * `frame's length | index' length | frame | index: [[field, length], ...] | the fields' bytes`, lengths in 4 bytes.
 */

const lengthBytes = 4;

/** @returns its bytes in parts, of which the later ones are those of the body itself: nobody may change them. */
export function encodeLargeFrame(frame: Omit<Frame, 'envelopes'>, envelope: Envelope, longFrom: number): Uint8Array[] {
  const { body, fields } = withoutLongFields(envelope[5], longFrom);
  const [kind, toId, toIncarnation, fromId, name, , askId] = envelope;
  const head = encodeFrame(
    { ...frame, envelopes: [[kind, toId, toIncarnation, fromId, name, body, askId]] },
    Layout.plain,
  );
  const index = pack(fields.map(([field, bytes]) => [field, bytes.byteLength]));
  const lengths = Buffer.alloc(2 * lengthBytes);
  lengths.writeUInt32LE(head.byteLength, 0);
  lengths.writeUInt32LE(index.byteLength, lengthBytes);
  return [Buffer.concat([lengths, head, index]), ...fields.map(([, bytes]) => bytes)];
}

/** @throws {TypeError | Error} saying what is wrong with the bytes, on which the long fields of the body are views. */
export function decodeLargeFrame(whole: Uint8Array): Frame {
  const view = Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength);
  if (view.byteLength < 2 * lengthBytes) throw new TypeError('a large frame without lengths');
  const frameEnd = 2 * lengthBytes + view.readUInt32LE(0);
  const indexEnd = frameEnd + view.readUInt32LE(lengthBytes);
  if (indexEnd > view.byteLength) throw new TypeError('a large frame shorter than it says');
  const frame = decodeFrame(view.subarray(2 * lengthBytes, frameEnd), true);
  const index: unknown = unpack(view.subarray(frameEnd, indexEnd));
  putBack(frame.envelopes[0]?.[5], index, view.subarray(indexEnd));
  return frame;
}

/** Whether a value is a binary field of at least so many bytes. */
export function isLongBinary(field: unknown, longFrom: number): field is Uint8Array {
  return field instanceof Uint8Array && field.byteLength >= longFrom;
}

function withoutLongFields(body: unknown, longFrom: number): { body: unknown; fields: [string, Uint8Array][] } {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body) || Array.isArray(body))
    return { body, fields: [] };
  const fields = Object.entries(body).filter((entry): entry is [string, Uint8Array] =>
    isLongBinary(entry[1], longFrom),
  );
  // As it is: the codec heeds what a copy of its fields would not have, such as its class.
  if (fields.length === 0) return { body, fields };
  const rest: Record<string, unknown> = { ...body };
  for (const [name] of fields) delete rest[name];
  return { body: rest, fields };
}

function putBack(body: unknown, index: unknown, bytes: Uint8Array): void {
  if (!Array.isArray(index)) throw new TypeError('no index of fields');
  let at = 0;
  for (const entry of index as unknown[]) {
    const [name, length] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (
      typeof body !== 'object' ||
      body === null ||
      typeof name !== 'string' ||
      name === '__proto__' ||
      !isCount(length)
    )
      throw new TypeError('a malformed index of fields');
    if (at + length > bytes.byteLength) throw new TypeError('a field shorter than it says');
    (body as Record<string, unknown>)[name] = bytes.subarray(at, at + length);
    at += length;
  }
  if (at !== bytes.byteLength) throw new TypeError('bytes that belong to no field');
}
