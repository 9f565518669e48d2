import { createRequire } from 'node:module';
import { ExpressionError } from './expression-error.js';
import type { Statement, Token } from './expression-statement.js';

/** The syntax tree of an expression: the few kinds of mathjs' nodes that can come out of what is let through to it. */
export type SyntaxNode =
  | { readonly type: 'ConstantNode'; readonly value: number }
  /** The name is `$` and the index of its token in the statement's value; {@link nameTokenOf} reads it. */
  | { readonly type: 'SymbolNode'; readonly name: string }
  | { readonly type: 'ParenthesisNode'; readonly content: SyntaxNode }
  | { readonly type: 'OperatorNode'; readonly fn: string; readonly args: readonly SyntaxNode[] }
  | { readonly type: 'FunctionNode'; readonly fn: SyntaxNode; readonly args: readonly SyntaxNode[] };

type Parse = (text: string) => SyntaxNode;

let loadedParse: Parse | undefined;

/**
 * mathjs' parser, loaded when the first text is parsed: executors get trees and never pay for it. It comes from the
 * one-file build, which loads in a third of the time of the hundreds of modules of `mathjs/number` (90 ms, 300 ms).
 */
function mathjsParse(): Parse {
  loadedParse ??= (createRequire(import.meta.url)('mathjs/lib/browser/math.js') as { readonly parse: Parse }).parse;
  return loadedParse;
}

/**
 * The syntax tree of a statement's value.
 *
 * mathjs' nodes do not know where they stand in the text. So each name goes through it as `$` and the index of its
 * token, which also keeps mathjs from giving names such as `to`, `not`, `end` and `null` a meaning of their own.
 *
 * @param text the user's whole text, for errors.
 * @throws {ExpressionError} where the statement is not well-formed.
 */
export function parseSyntax(text: string, statement: Statement): SyntaxNode {
  const words = statement.value.map(mathjsWord);
  // mathjs takes an empty text for the value undefined.
  if (words.length === 0) throw syntaxError(text, statement, words, new SyntaxError('Value expected'));
  try {
    return mathjsParse()(words.join(' '));
  } catch (cause) {
    if (cause instanceof RangeError) throw stackError(text, statement, cause);
    throw syntaxError(text, statement, words, cause);
  }
}

/** The token that a symbol of the syntax tree was made from; undefined for any other node. */
export function nameTokenOf(node: SyntaxNode, statement: Statement): Token | undefined {
  return node.type === 'SymbolNode' ? statement.value[Number(node.name.slice(1))] : undefined;
}

function mathjsWord(token: Token, index: number): string {
  if (token.kind === 'name') return `$${index}`;
  // `mod` is the same operator. mathjs tries `%` as "per cent" first and parses what follows twice, which takes time
  // exponential in the nesting; and x + 5% would be x + x * 0.05.
  return token.text === '%' ? 'mod' : token.text;
}

function syntaxError(text: string, statement: Statement, words: readonly string[], cause: unknown): ExpressionError {
  const token = statement.value[wordAt(words, cause instanceof SyntaxError ? Reflect.get(cause, 'char') : undefined)];
  const offset = token?.offset ?? statement.endOffset;
  const found = token === undefined ? endName(text, offset) : `"${token.text}"`;
  return new ExpressionError(text, { code: 'SYNTAX', problem: `${expectation(cause)}${found}`, offset }, { cause });
}

/** For a caller that left so little of the stack that even the levels of nesting that are taken exhaust it. */
function stackError(text: string, { offset }: Statement, cause: RangeError): ExpressionError {
  return new ExpressionError(
    text,
    { code: 'TOO_DEEP', problem: 'too deep nesting in the statement', offset },
    { cause },
  );
}

/** The index of the word that begins at `character`, counted from 1, of the joined words; their count if none does. */
function wordAt(words: readonly string[], character: unknown): number {
  let start = 1;
  for (const [index, word] of words.entries()) {
    if (start === character) return index;
    start += word.length + 1;
  }
  return words.length;
}

function endName(text: string, offset: number): string {
  return offset >= text.length ? 'the end of the text' : 'the end of the statement';
}

function expectation(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : '';
  if (message.startsWith('Parenthesis )')) return 'expected ")" but found ';
  if (message.startsWith('Value expected') || message.startsWith('Unexpected end'))
    return 'expected a value but found ';
  return 'unexpected ';
}
