import type { AttributeConstraint, OfferConstraints, SlaveDescription } from './allocator.js';

/**
 * The first constraint of the first group that an agent does not meet; undefined where it meets all of one group, or there
 * are none. What is said of the text of an attribute that the agent lacks does not hold; that it is not so, does.
 */
export function unmetConstraint(groups: OfferConstraints, slave: SlaveDescription): AttributeConstraint | undefined {
  let unmet: AttributeConstraint | undefined;
  for (const group of groups) {
    const first = group.find((constraint) => !isMet(constraint, slave));
    if (first === undefined) return undefined;
    unmet ??= first;
  }
  return unmet;
}

function isMet({ selector, predicate }: AttributeConstraint, slave: SlaveDescription): boolean {
  const texts = textsOf(selector, slave);
  if (predicate === 'exists') return texts.length > 0;
  if (predicate === 'notExists') return texts.length === 0;
  if ('textEquals' in predicate) return texts.includes(predicate.textEquals);
  if ('textNotEquals' in predicate) return !texts.includes(predicate.textNotEquals);
  if ('textMatches' in predicate) return texts.some((text) => matches(predicate.textMatches, text));
  return !texts.some((text) => matches(predicate.textNotMatches, text));
}

function textsOf(selector: AttributeConstraint['selector'], slave: SlaveDescription): readonly string[] {
  const { hostname, domain, attributes = [] } = slave;
  if (selector === 'hostname') return [hostname];
  if (selector === 'region' || selector === 'zone') return domain === undefined ? [] : [domain[selector]];
  return attributes.filter(({ name }) => name === selector.attribute).map(({ text }) => text);
}

/** `*` is any text, `?` any character. Takes at most the product of both lengths in steps, whatever the pattern. */
export function matches(pattern: string, text: string): boolean {
  let [at, from] = [0, 0];
  let [star, resume] = [-1, 0];
  while (at < text.length) {
    if (pattern[from] === '*') {
      star = from++;
      resume = at;
    } else if (from < pattern.length && (pattern[from] === '?' || pattern[from] === text[at])) {
      from++;
      at++;
    } else if (star >= 0) {
      // The last star takes one character more.
      from = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[from] === '*') from++;
  return from === pattern.length;
}
