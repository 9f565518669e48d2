import {
  isResourceName,
  isSetItem,
  normalize,
  type Range,
  type Resource,
  type Resources,
  resourceLabel,
  revocableMark,
} from './resources.js';
import { ResourcesError, type ResourcesErrorCode } from './resources-error.js';
import { isRole, unreservedRole } from './role.js';

/*
 * Resources as people write them, after the agent's `--resources` (Mesos facts 5.1):
 *
 *   resources := [ resource { ";" resource } ]
 *   resource  := name [ "(" role ")" ] [ "{REV}" ] ":" value
 *   value     := number | "[" [ n "-" n { "," n "-" n } ] "]" | "{" [ item { "," item } ] "}"
 *
 * `{REV}` is what is revocable: only a number can be, and only what is reserved for nobody. Blanks may stand around every
 * token. An empty place between two `;` counts for nothing, as in Mesos.
 */

/**
 * Reads `cpus:4;cpus{REV}:2;mem(eng/prod):512.5;ports:[31000-32000]`. A number keeps three decimals; those after them are
 * rounded, half away from zero. What is written several times adds up, ranges and sets by union; what is 0 or empty is left
 * out.
 * @throws {ResourcesError} SYNTAX, INVALID or OVERFLOW with the place and what was expected there; KIND, OVERFLOW or
 * TOO_MANY with the name, where it takes several entries to be wrong.
 */
export function parseResources(text: string): Resources {
  const segments = text.split(';').map((segment) => segment.trim());
  return normalize(segments.filter((segment) => segment !== '').map(parseResource));
}

/** The one text of canonical resources; {@link parseResources} of it gives them back. */
export function formatResources(resources: Resources): string {
  return resources.map((resource) => `${resourceLabel(resource)}:${formatValue(resource)}`).join(';');
}

/**
 * Thousandths as a decimal number without trailing zeros: `4`, `0.5`, `1024.001`.
 * @throws {ResourcesError} INVALID for what is not a whole number from 0 to 2^53 - 1.
 */
export function formatScalar(thousandths: number): string {
  if (!Number.isSafeInteger(thousandths) || thousandths < 0)
    throw new ResourcesError('RESOURCES_INVALID', `${thousandths} is not a whole number of thousandths`);
  const fraction = thousandths % 1000;
  const whole = String((thousandths - fraction) / 1000);
  return fraction === 0 ? whole : `${whole}.${String(fraction).padStart(3, '0').replace(/0+$/, '')}`;
}

function formatValue(resource: Resource): string {
  if ('scalar' in resource) return formatScalar(resource.scalar);
  if ('set' in resource) return `{${resource.set.join(',')}}`;
  return `[${resource.ranges.map((range) => `${range[0]}-${range[1]}`).join(',')}]`;
}

function parseResource(segment: string): Resource {
  const scanner = new Scanner(segment);
  const name = scanner.word(/[^\s:(){]+/y, isResourceName, 'a name of 1 to 128 of A-Z a-z 0-9 _ . / -');
  const role = parseRole(scanner);
  const mark = scanner.position();
  const revocable = scanner.accept(revocableMark);
  if (revocable && role !== undefined && role !== unreservedRole)
    throw scanner.error('RESOURCES_INVALID', mark, '":", as what is revocable cannot be reserved');
  scanner.require(':', role === undefined && !revocable ? '":" or "(role):"' : '":"');
  const at = scanner.position();
  const resource = parseValue(scanner, name, role ?? unreservedRole);
  scanner.requireEnd();
  if (!revocable) return resource;
  if (!('scalar' in resource))
    throw scanner.error('RESOURCES_INVALID', at, 'a number, as nothing else can be revocable');
  return { ...resource, revocable };
}

function parseRole(scanner: Scanner): string | undefined {
  if (!scanner.accept('(')) return undefined;
  const role = scanner.word(/[^\s()]+/y, isRole, 'a role such as eng/prod, or *');
  scanner.require(')', '")"');
  return role;
}

function parseValue(scanner: Scanner, name: string, role: string): Resource {
  if (scanner.accept('[')) return { name, role, ranges: parseList(scanner, ']', parseRange) };
  if (scanner.accept('{')) return { name, role, set: parseList(scanner, '}', parseItem) };
  return { name, role, scalar: parseScalar(scanner) };
}

function parseList<T>(scanner: Scanner, close: string, parseElement: (scanner: Scanner) => T): T[] {
  const elements: T[] = [];
  if (scanner.accept(close)) return elements;
  do elements.push(parseElement(scanner));
  while (scanner.accept(','));
  scanner.require(close, `"," or "${close}"`);
  return elements;
}

function parseRange(scanner: Scanner): Range {
  const begin = parseWhole(scanner, 'a range such as 31000-32000');
  scanner.require('-', '"-" and the end of the range');
  const at = scanner.position();
  const end = parseWhole(scanner, 'the end of the range');
  if (end < begin) throw scanner.error('RESOURCES_INVALID', at, `an end of the range that is not below ${begin}`);
  return [begin, end];
}

function parseItem(scanner: Scanner): string {
  return scanner.word(/[^\s,{}]+/y, isSetItem, 'an item of 1 to 255 printable characters');
}

function parseWhole(scanner: Scanner, expected: string): number {
  const at = scanner.position();
  return exactly(scanner, at, scanner.match(/\d+/y, expected), 0);
}

function parseScalar(scanner: Scanner): number {
  const at = scanner.position();
  if (scanner.accept('-')) throw scanner.error('RESOURCES_INVALID', at, 'a number that is not negative');
  const digits = scanner.match(/\d+(\.\d+)?|\.\d+/y, 'a number, [ranges] or {set}');
  const [whole = '', decimals = ''] = digits.split('.');
  return exactly(scanner, at, whole + decimals.slice(0, 3).padEnd(3, '0'), decimals.charAt(3) >= '5' ? 1 : 0);
}

/** The number of `digits`, and `more`; never a rounded one: what lies beyond 2^53 - 1 does not round to below it. */
function exactly(scanner: Scanner, at: number, digits: string, more: 0 | 1): number {
  const value = Number(digits) + more;
  if (!Number.isSafeInteger(value)) throw scanner.error('RESOURCES_OVERFLOW', at, 'a smaller number');
  return value;
}

/** Reads tokens from the text of one resource, past the blanks around them, and knows where it stands for the errors. */
class Scanner {
  readonly #text: string;
  #at = 0;

  /** @param text without blanks around it. */
  constructor(text: string) {
    this.#text = text;
  }

  /** Where the next token begins, from 0. */
  position(): number {
    return this.#at;
  }

  /** Passes `mark` if it stands next. */
  accept(mark: string): boolean {
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#pass(mark.length);
    return true;
  }

  require(mark: string, expected: string): void {
    if (!this.accept(mark)) throw this.error('RESOURCES_SYNTAX', this.#at, expected);
  }

  requireEnd(): void {
    if (this.#at < this.#text.length) throw this.error('RESOURCES_SYNTAX', this.#at, '";" or the end');
  }

  /** What the sticky `expression` finds next. */
  match(expression: RegExp, expected: string): string {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text)?.[0];
    if (found === undefined) throw this.error('RESOURCES_SYNTAX', this.#at, expected);
    this.#pass(found.length);
    return found;
  }

  /** As {@link match}, and what is found must be valid as a whole: a word too long is not two words. */
  word(expression: RegExp, isValid: (text: string) => boolean, expected: string): string {
    const at = this.#at;
    const found = this.match(expression, expected);
    if (!isValid(found)) throw this.error('RESOURCES_SYNTAX', at, expected);
    return found;
  }

  /** For a person: the resource that cannot be read, the place in it, and what would be right there. */
  error(code: ResourcesErrorCode, at: number, expected: string): ResourcesError {
    const shown = this.#text.length > 100 ? `${this.#text.slice(0, 100)}...` : this.#text;
    return new ResourcesError(code, `in ${JSON.stringify(shown)} at character ${at + 1}: expected ${expected}`);
  }

  #pass(length: number): void {
    const blanks = /\s*/y;
    blanks.lastIndex = this.#at + length;
    blanks.test(this.#text);
    this.#at = blanks.lastIndex;
  }
}
