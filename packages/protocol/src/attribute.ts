import type { DeepReadonly } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';

const nameExpression = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** No character that the text form gives a meaning to, and no blank at either end. */
const textExpression = /^(?! )(?:(?!;)[ -~]){1,255}(?<! )$/;

/** How many an agent may have. */
const attributesMax = 256;

/** What an operator says of an agent: a text by a name, such as `rack: a`. Mesos' scalars and ranges are texts here. */
export const AttributeSchema = Type.Object({
  /** 1 to 128 of A-Z a-z 0-9 `_` `.` `-`. */
  name: Type.String({ pattern: nameExpression.source }),
  /** 1 to 255 printable ASCII characters, without `;`. */
  text: Type.String({ pattern: textExpression.source }),
});
export type Attribute = DeepReadonly<Static<typeof AttributeSchema>>;

/** A name may stand there several times. */
export const AttributesSchema = Type.Array(AttributeSchema, { maxItems: attributesMax });

/**
 * Reads `rack:a;zone:b`, after the agent's `--attributes` (Mesos facts 5.1). Blanks around names and texts count for nothing,
 * and neither does an empty place between two `;`. What is said twice is kept once.
 * @throws {TypeError} with the place that is wrong.
 */
export function parseAttributes(text: string): readonly Attribute[] {
  const attributes = new Map<string, Attribute>();
  for (const segment of text.split(';')) {
    if (segment.trim() === '') continue;
    const attribute = parseAttribute(segment.trim());
    attributes.set(`${attribute.name}:${attribute.text}`, attribute);
  }
  if (attributes.size > attributesMax)
    throw new TypeError(`${attributes.size} attributes are more than the ${attributesMax} that an agent may have`);
  return [...attributes.values()];
}

function parseAttribute(segment: string): Attribute {
  const shown = JSON.stringify(segment.slice(0, 100));
  const colon = segment.indexOf(':');
  if (colon < 0) throw new TypeError(`the attribute ${shown} is not name:text`);
  const attribute = { name: segment.slice(0, colon).trim(), text: segment.slice(colon + 1).trim() };
  if (!nameExpression.test(attribute.name))
    throw new TypeError(`the attribute ${shown} needs a name of 1 to 128 of A-Z a-z 0-9 _ . -`);
  if (!textExpression.test(attribute.text))
    throw new TypeError(`the attribute ${shown} needs a text of 1 to 255 printable ASCII characters`);
  return attribute;
}
