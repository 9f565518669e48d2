/*
 * A frame in rows, for many envelopes at once: `[4, incarnation, session, sequence, heads, shapes, others, texts, rows]`.
 *
 * - `heads`: five parts for each head, as in a compact frame.
 * - `shapes`: for each, the keys of plain objects in their order, each followed by {@link keyEnd}: said once, however many
 *   objects there are.
 * - `others`: MessagePack of a list of what is no string, number, boolean, null, undefined, array or shaped object.
 * - `rows`: for each envelope the number of its head, its ask and its body, each as a value; then the texts. A value is a
 *   {@link Tag} and what belongs to it.
 * - `texts`: how many bytes of UTF-8 each text has. All strings of the rows stand in them, one after the other.
 */

/** What a value is. Those in between are the numbers from the one before. */
export const Tag = {
  /** Up to {@link shortStringMax} characters, of which the tag says how many. */
  shortString: 0x00,
  /** Up to {@link smallIntegerMax}. */
  smallInteger: 0x80,
  /**
   * The string that was said last in this place, which the receiver shares. A place is a field of a shape, the body of a
   * head, or the items of all arrays in such a place.
   */
  same: 0xc0,
  null: 0xc1,
  undefined: 0xc2,
  false: 0xc3,
  true: 0xc4,
  /** 4 bytes, signed, little-endian, as all that follows. */
  integer: 0xc5,
  /** 8 bytes. */
  float: 0xc6,
  /** 4 bytes: how many characters. */
  string: 0xc7,
  /** 4 bytes: how many values, and these. */
  array: 0xc8,
  /** The next of the others. */
  other: 0xc9,
  /** An object of the shape that the tag says: its values in the order of the keys. */
  object: 0xe0,
} as const;

export const shortStringMax = Tag.smallInteger - 1;
export const smallIntegerMax = Tag.same - Tag.smallInteger - 1;
/** How many shapes a frame may have, so that a tag can say which. */
export const shapesMax = 0x100 - Tag.object;
/** How many keys a shape may have: what has more is a table rather than a record, and no other will have the same. */
export const keysMax = 64;
/** How long these may be together, each with its end, in characters: receivers remember shapes. */
export const shapeNameMax = 1_024;
/** How deep arrays and objects may be in each other. */
export const depthMax = 16;
/**
 * How many characters a text with several strings may have. The receiver's strings are parts of it, and who keeps one of
 * them keeps the text: at most 512 bytes, or twice as many beyond Latin-1. A string that is longer is a text of its own.
 */
export const textMax = 512;
export const keyEnd = '\0';
