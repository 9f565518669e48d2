import type { AttributeConstraint, SlaveDescription } from '@mesos-ts/master';

/** Whether an agent is as the constraint wants it. What is negated holds where there is nothing at all. */
export function isMet({ selector, predicate }: AttributeConstraint, slave: SlaveDescription): boolean {
  const texts = textsOf(selector, slave);
  if (predicate === 'exists') return texts.length > 0;
  if (predicate === 'notExists') return texts.length === 0;
  if ('textEquals' in predicate) return texts.includes(predicate.textEquals);
  if ('textNotEquals' in predicate) return !texts.includes(predicate.textNotEquals);
  if ('textMatches' in predicate) return texts.some((text) => matches(predicate.textMatches, text));
  return !texts.some((text) => matches(predicate.textNotMatches, text));
}

function textsOf(
  selector: AttributeConstraint['selector'],
  { attributes = [], domain, hostname }: SlaveDescription,
): readonly string[] {
  if (selector === 'hostname') return [hostname];
  if (selector === 'region') return domain === undefined ? [] : [domain.region];
  if (selector === 'zone') return domain === undefined ? [] : [domain.zone];
  return attributes.filter(({ name }) => name === selector.attribute).map(({ text }) => text);
}

/** `*` for any text, `?` for any one character: by trying everything. */
function matches(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const rest = pattern.slice(1);
  if (pattern.startsWith('*')) return matches(rest, text) || (text !== '' && matches(pattern, text.slice(1)));
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && matches(rest, text.slice(1));
}
