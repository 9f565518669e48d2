import { ExpressionError, type ExpressionErrorCode } from './expression-error.js';

/** A number, name or sign of an expression's text. */
export interface Token {
  readonly kind: 'number' | 'name' | 'sign';
  /** As mathjs wants it: `**` is `^` here, and a name has no `math.` before it. */
  readonly text: string;
  /** Where it stands in the user's text, from 0. */
  readonly offset: number;
  /** Whether the user wrote `math.` before the name. */
  readonly qualified: boolean;
}

/** One statement of an expression's text: `value` or `target = value`. */
export interface Statement {
  readonly target: Token | undefined;
  /** The tokens of the value; none when the user wrote `target =` only. */
  readonly value: readonly Token[];
  /** Where the statement begins and ends in the user's text, from 0; the end is not part of it. */
  readonly offset: number;
  readonly endOffset: number;
}

/** The longest text that is taken, in UTF-16 units. */
const textLengthMax = 10_000;
/** The most levels of parentheses, powers and signs: mathjs descends some 20 calls for each, and overflows near 300. */
const nestingMax = 200;

const tokenExpression = new RegExp(
  [
    /(?<blank>[ \t\r\u00a0]+|#[^\n]*)/,
    /(?<separator>[;\n])/,
    /(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/,
    /(?<prefix>[mM]ath\.(?=[A-Za-z_]))?(?<name>[A-Za-z_][A-Za-z0-9_]*)/,
    /(?<comparison>[=!<>]=|[<>])/,
    /(?<sign>\*\*|[-+*/^%(),=])/,
  ]
    .map((part) => part.source)
    .join('|'),
  'y',
);

/** What people may try and expressions do not have, by the character that it begins with. */
const unsupported: ReadonlyMap<string, string> = new Map([
  ['"', 'strings'],
  ["'", 'strings'],
  ['[', 'matrices'],
  [']', 'matrices'],
  ['{', 'objects'],
  ['}', 'objects'],
  ['!', 'factorials and logical operators'],
  ['&', 'logical operators'],
  ['|', 'logical operators'],
  ['?', 'conditions'],
  [':', 'ranges and conditions'],
]);

/**
 * Cuts the text of an expression into statements, at `;` and at the ends of lines except within parentheses and after
 * an operator, a comma or `=`. Comments go from `#` to the end of the line.
 *
 * Lets through only what the expression grammar has, so that nothing else of mathjs' much larger language, and nothing
 * that would exhaust its stack, reaches its parser.
 *
 * @throws {ExpressionError} where the text has anything else.
 */
export function readStatements(text: string): readonly Statement[] {
  if (text.length > textLengthMax)
    throw new ExpressionError(text, {
      code: 'TOO_LONG',
      problem: `the expression is too long, ${text.length} characters,`,
      offset: textLengthMax,
      advice: `at most ${textLengthMax} are taken`,
    });
  return new StatementReader(text).read();
}

class StatementReader {
  readonly #text: string;
  readonly #statements: Statement[] = [];
  #target: Token | undefined;
  #value: Token[] = [];
  /** How deep the place being read is: open parentheses, and powers and signs that wait for their operand. */
  #nesting = 0;
  /** The nesting at the start of the statement and within each open parenthesis. */
  #nestingBases: number[] = [0];

  constructor(text: string) {
    this.#text = text;
  }

  read(): readonly Statement[] {
    for (let offset = 0; offset < this.#text.length; ) offset += this.#readOne(offset);
    this.#endStatement(this.#text.length);
    return this.#statements;
  }

  /** Reads what stands at `offset` and returns its length. */
  #readOne(offset: number): number {
    tokenExpression.lastIndex = offset;
    const match = tokenExpression.exec(this.#text);
    if (match?.groups === undefined) return this.#refuseCharacter(offset);
    const { separator, number, prefix, name, comparison, sign } = match.groups;
    if (separator !== undefined) this.#readSeparator(separator, offset);
    else if (number !== undefined) this.#readNumber(number, offset);
    else if (name !== undefined) this.#readName(name, offset, prefix ?? '');
    else if (comparison !== undefined) this.#refuse('UNSUPPORTED', 'comparisons are not supported', offset);
    else if (sign === '=') this.#readAssignment(offset);
    else if (sign !== undefined) this.#readSign(sign, offset);
    return match[0].length;
  }

  #readSeparator(separator: string, offset: number): void {
    if (separator === '\n' && this.#continuesOnNextLine()) return;
    this.#endStatement(offset);
  }

  #continuesOnNextLine(): boolean {
    const last = this.#value.at(-1);
    if (last === undefined) return this.#target !== undefined;
    return this.#nestingBases.length > 1 || (last.kind === 'sign' && last.text !== ')');
  }

  #endStatement(endOffset: number): void {
    const first = this.#target ?? this.#value[0];
    if (first !== undefined)
      this.#statements.push({ target: this.#target, value: this.#value, offset: first.offset, endOffset });
    this.#target = undefined;
    this.#value = [];
    this.#nesting = 0;
    this.#nestingBases = [0];
  }

  #readNumber(text: string, offset: number): void {
    this.#requireOperator(text, offset);
    if (!Number.isFinite(Number(text)))
      this.#refuse('UNSUPPORTED', `the number ${text} is too large`, offset, 'the largest is about 1.797e308');
    this.#value.push({ kind: 'number', text, offset, qualified: false });
  }

  #readName(name: string, offset: number, prefix: string): void {
    this.#requireOperator(name, offset);
    this.#value.push({ kind: 'name', text: name, offset: offset + prefix.length, qualified: prefix !== '' });
  }

  /** mathjs would take `2 x` for a product, with surprising precedence: 1/2 x is half of x there, 1/y x is not x/y. */
  #requireOperator(text: string, offset: number): void {
    if (this.#expectsValue()) return;
    this.#refuse('SYNTAX', `an operator is missing before "${text}"`, offset, 'a product is written with *');
  }

  /** Whether an operand is to come next, rather than an operator. */
  #expectsValue(): boolean {
    const last = this.#value.at(-1);
    return last === undefined || (last.kind === 'sign' && last.text !== ')');
  }

  #readSign(sign: string, offset: number): void {
    const text = sign === '**' ? '^' : sign;
    // Said here because mathjs takes `mod`, which stands for %, for a name where a value is expected.
    if ('*/%^,'.includes(text) && this.#expectsValue())
      this.#refuse('SYNTAX', `expected a value but found "${sign}"`, offset);
    if (text === '(') this.#openParenthesis(offset);
    else if (text === ')') this.#closeParenthesis();
    else if (text === '^' || this.#expectsValue()) this.#descend(offset);
    else this.#nesting = this.#nestingBases.at(-1) ?? 0; // ends all powers and signs before it
    this.#value.push({ kind: 'sign', text, offset, qualified: false });
  }

  #readAssignment(offset: number): void {
    const [target, ...more] = this.#value;
    if (this.#target !== undefined || target?.kind !== 'name' || target.qualified || more.length > 0)
      this.#refuse('BAD_ASSIGNMENT', 'misplaced "="', offset, 'a statement assigns to one name, as in y = x + 1');
    this.#target = target;
    this.#value = [];
  }

  #openParenthesis(offset: number): void {
    if (this.#value.at(-1)?.kind !== 'name') this.#requireOperator('(', offset);
    this.#descend(offset);
    this.#nestingBases.push(this.#nesting);
  }

  #closeParenthesis(): void {
    if (this.#nestingBases.length === 1) return; // one too many, which the parser will say
    this.#nesting = (this.#nestingBases.pop() ?? 1) - 1;
  }

  /** One level further down: into a parenthesis, an exponent or the operand of a sign. */
  #descend(offset: number): void {
    this.#nesting++;
    if (this.#nesting > nestingMax)
      this.#refuse('TOO_DEEP', 'too deep nesting', offset, `at most ${nestingMax} levels; use temporary variables`);
  }

  #refuseCharacter(offset: number): never {
    const character = String.fromCodePoint(this.#text.codePointAt(offset) ?? 0);
    const thing = unsupported.get(character);
    if (thing !== undefined) this.#refuse('UNSUPPORTED', `${thing} are not supported`, offset);
    this.#refuse('SYNTAX', `unexpected character ${JSON.stringify(character)}`, offset);
  }

  #refuse(code: ExpressionErrorCode, problem: string, offset: number, advice?: string): never {
    throw new ExpressionError(this.#text, { code, problem, offset, ...(advice === undefined ? {} : { advice }) });
  }
}
