import { decodeFrame, type Envelope, encodeFrame, Kind, Layout } from './frame.js';

/**
 * The body as another Node would get it. @throws what the codec throws where it does not encode.
 */
export function wireCopy(name: string, body: unknown): unknown {
  const envelope: Envelope = [Kind.reply, '', '', '', name, body, 0];
  const bytes = encodeFrame({ incarnation: 'local', session: 0, sequence: 0, envelopes: [envelope] }, Layout.plain);
  return decodeFrame(bytes).envelopes[0]?.[5];
}
