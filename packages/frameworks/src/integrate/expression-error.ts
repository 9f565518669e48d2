/** What is wrong with an expression's text. */
export type ExpressionErrorCode =
  /** No statement: nothing, white space or comments. */
  | 'EMPTY'
  /** More characters than are taken. */
  | 'TOO_LONG'
  /** More levels of parentheses, powers and signs than are taken. */
  | 'TOO_DEEP'
  /** The text does not follow the grammar. */
  | 'SYNTAX'
  /** Something that other languages have and expressions have not: strings, matrices, comparisons … */
  | 'UNSUPPORTED'
  | 'UNKNOWN_SYMBOL'
  | 'UNKNOWN_FUNCTION'
  /** A function with too many or too few arguments, or with none where a value is expected. */
  | 'WRONG_ARGUMENTS'
  /** An assignment in the wrong place, or to the variable, a constant or a function. */
  | 'BAD_ASSIGNMENT'
  | 'USED_BEFORE_ASSIGNMENT';

/** What went wrong and where; the rest of an {@link ExpressionError} follows from it. */
export interface ExpressionFault {
  readonly code: ExpressionErrorCode;
  /** What is wrong, without the place: `unknown function "foo"`. */
  readonly problem: string;
  /** Where in the text, counted from 0; the text's length stands for its end. */
  readonly offset: number;
  /** What to do, or what would be right. */
  readonly advice?: string;
}

/** How many characters of a line are shown on either side of the place. */
const contextLength = 50;

/**
 * The text of an expression was refused. The message names the problem and the place, says what would be right, and
 * shows the line with a caret under the place.
 */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly code: ExpressionErrorCode;
  /** The text as the user wrote it. */
  readonly text: string;
  /** Where in the text, in UTF-16 units from 1; one past the text's length when something is missing at its end. */
  readonly position: number;
  /** The line of the place, from 1. */
  readonly line: number;
  /** The place within its line, from 1. */
  readonly column: number;

  constructor(text: string, fault: ExpressionFault, options?: ErrorOptions) {
    const before = text.slice(0, fault.offset);
    const column = fault.offset - before.lastIndexOf('\n');
    const line = before.split('\n').length;
    const place = text.includes('\n') ? `line ${line}, column ${column}` : `character ${column}`;
    const advice = fault.advice === undefined ? '' : `: ${fault.advice}`;
    super(`${fault.problem} at ${place}${advice}${picture(text, fault.offset, column)}`, options);
    this.code = fault.code;
    this.text = text;
    this.position = fault.offset + 1;
    this.line = line;
    this.column = column;
  }
}

/** The line of the place with a caret under it, as two more lines of a message; nothing when the line is blank. */
function picture(text: string, offset: number, column: number): string {
  const lineStart = offset - column + 1;
  const lineEnd = text.indexOf('\n', lineStart);
  const from = Math.max(lineStart, offset - contextLength);
  const to = Math.min(lineEnd < 0 ? text.length : lineEnd, offset + contextLength);
  // One blank for each tab, carriage return and the like, or the caret would stand elsewhere than it should.
  const shown = text.slice(from, to).replace(/[\p{Cc}\p{Cf}]/gu, ' ');
  return shown.trim() === '' ? '' : `\n  ${shown}\n  ${' '.repeat(offset - from)}^`;
}
