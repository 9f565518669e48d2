/**
 * The address of a process: `id@node#incarnation`. The incarnation changes at every start of the Node, so that a message
 * to one that died is never taken by its successor. A first contact may leave it out (`master@m1`); such a message is
 * taken by whatever incarnation lives there now, and the sender's UPID in the reply pins it.
 * Mirrors libprocess' `UPID`, `id@ip:port` (Mesos facts 1.1).
 */
export type Upid = string & { readonly __brand: 'Upid' };

/** The parts of a {@link Upid}. */
export interface UpidParts {
  /** The process within its Node, such as `master` or `slave(1)`. */
  readonly id: string;
  readonly node: string;
  /** Empty when the UPID leaves it open. */
  readonly incarnation: string;
}

/** Letters, digits, `-` and `_`, at most 64: a Node's name is a token of a NATS subject. */
export const nodeNamePattern = /^[A-Za-z0-9_-]{1,64}$/;
/** As a Node's name, and `.`, `:`, `(`, `)` and `/`; at most 255. */
export const processIdPattern = /^[A-Za-z0-9_.:()/-]{1,255}$/;

/** Lower-case letters and digits, at most 32. */
export const incarnationPattern = /^[a-z0-9]{1,32}$/;

/** The pattern of a whole UPID, for schemas. */
export const upidPattern = '^[A-Za-z0-9_.:()/-]{1,255}@[A-Za-z0-9_-]{1,64}(#[a-z0-9]{1,32})?$';
const upidExpression = /^([A-Za-z0-9_.:()/-]{1,255})@([A-Za-z0-9_-]{1,64})(?:#([a-z0-9]{1,32}))?$/;

/** Joins the parts; an empty incarnation leaves it open. Does not check them. */
export function upid(id: string, node: string, incarnation = ''): Upid {
  return (incarnation === '' ? `${id}@${node}` : `${id}@${node}#${incarnation}`) as Upid;
}

/** Reads a UPID from text. @throws {TypeError} naming the text where it is none. */
export function parseUpid(text: string): UpidParts {
  const match = upidExpression.exec(text);
  if (match === null)
    throw new TypeError(`not a UPID: ${JSON.stringify(text.slice(0, 100))}; expected id@node or id@node#incarnation`);
  return { id: match[1] ?? '', node: match[2] ?? '', incarnation: match[3] ?? '' };
}
