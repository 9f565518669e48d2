import { ExpressionError, type ExpressionErrorCode } from './expression-error.js';
import { binaryOperations, unaryOperations } from './expression-operation.js';
import { readStatements, type Statement, type Token } from './expression-statement.js';
import { nameTokenOf, parseSyntax, type SyntaxNode } from './expression-syntax.js';
import type { ExpressionNode, ExpressionTree } from './expression-tree.js';

/** A function of one variable: what the user wrote, and its tree. */
export interface Expression {
  readonly text: string;
  /** The name of the variable in the text. */
  readonly variable: string;
  readonly tree: ExpressionTree;
}

/** The names with fixed values. */
const constants: ReadonlyMap<string, number> = new Map([
  ['e', Math.E],
  ['pi', Math.PI],
  ['tau', 2 * Math.PI],
]);

/** The operation in a tree of each function that has another name there. */
const functionAliases: ReadonlyMap<string, string> = new Map([['pow', '^']]);

/** The names of all functions, sorted. */
const functionNames: readonly string[] = [
  ...new Set([...unaryOperations.keys(), ...binaryOperations.keys(), ...functionAliases.keys()]),
]
  .filter((name) => /^[a-z]/.test(name))
  .sort();

/** The operation in a tree of each of mathjs' operators. */
const operators: ReadonlyMap<string, string> = new Map([
  ['add', '+'],
  ['subtract', '-'],
  ['multiply', '*'],
  ['divide', '/'],
  ['mod', '%'],
  ['pow', '^'],
  ['unaryMinus', '-'],
]);

/** Nodes that grow higher than this become temporaries, so that a sum of thousands of terms gives no deep tree. */
const heightMax = 100;

/**
 * Reads a function of one variable: one or more statements, separated by `;` or ends of lines. All but the last assign
 * to temporary variables; the value of the last, an assignment or not, is the value of the function.
 *
 * There are numbers, the constants `pi`, `e` and `tau`, `+ - * / %`, power as `^` or `**` (before signs and from the
 * right: `-x**2` is `-(x**2)`), parentheses, functions of one or two arguments, also as `math.sqrt` or `Math.sqrt`, and
 * comments after `#`. A product needs its `*`. The text is translated and never executed.
 *
 * @param text at most 10,000 characters, at most 200 levels of nesting.
 * @param variable the name of the variable: a letter or `_`, then letters, digits and `_`.
 * @throws {ExpressionError} saying what is wrong with the text, and where.
 * @throws {TypeError} when `variable` is no name, or that of a constant or function.
 */
export function parseExpression(text: string, variable = 'x'): Expression {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable) || isReserved(variable))
    throw new TypeError(
      `${JSON.stringify(variable)} cannot be the variable: it must be a name that has no meaning yet`,
    );
  return { text, variable, tree: new Translator(text, variable).translate() };
}

/** A node on its way into the tree. Heights are kept because computing them anew for each part would take n^2 time. */
interface Part {
  readonly node: ExpressionNode;
  readonly height: number;
}

/** Translates the statements of one text. */
class Translator {
  readonly #text: string;
  readonly #variable: string;
  readonly #temporaries: ExpressionNode[] = [];
  /** What each name stands for by now. A second assignment to a name makes a second temporary. */
  readonly #values = new Map<string, Part>();
  #statements: readonly Statement[] = [];

  constructor(text: string, variable: string) {
    this.#text = text;
    this.#variable = variable;
    this.#values.set(variable, { node: 'x', height: 1 });
  }

  translate(): ExpressionTree {
    this.#statements = readStatements(this.#text);
    const last = this.#statements.at(-1);
    if (last === undefined) this.#refuse('EMPTY', 'there is no expression', 0, 'write one such as 4*sqrt(1-x^2)');
    for (const statement of this.#statements.slice(0, -1)) this.#assign(statement);
    return { value: this.#statement(last).node, temporaries: this.#temporaries };
  }

  #assign(statement: Statement): void {
    const part = this.#statement(statement);
    if (statement.target === undefined) {
      const advice = 'only the last one gives the value; assign the others to names';
      this.#refuse('UNSUPPORTED', 'a statement without effect', statement.offset, advice);
    }
    this.#values.set(statement.target.text, part.height === 1 ? part : this.#temporary(part));
  }

  #statement(statement: Statement): Part {
    if (statement.target !== undefined) this.#requireAssignable(statement.target);
    return this.#part(parseSyntax(this.#text, statement), statement);
  }

  #requireAssignable({ text: name, offset }: Token): void {
    if (name !== this.#variable && !isReserved(name)) return;
    const meaning = name === this.#variable ? 'variable' : constants.has(name) ? 'constant' : 'function';
    this.#refuse('BAD_ASSIGNMENT', `assignment to the ${meaning} "${name}"`, offset, 'use another name');
  }

  #part(node: SyntaxNode, statement: Statement): Part {
    switch (node.type) {
      case 'ConstantNode':
        return { node: node.value, height: 1 };
      case 'ParenthesisNode':
        return this.#part(node.content, statement);
      case 'SymbolNode':
        return this.#name(required(nameTokenOf(node, statement)));
      case 'FunctionNode':
        return this.#call(required(nameTokenOf(node.fn, statement)), node.args, statement);
      case 'OperatorNode':
        return node.args.length === 1 ? this.#sign(node, statement) : this.#operators(node, statement);
    }
  }

  #sign(node: SyntaxNode & { readonly type: 'OperatorNode' }, statement: Statement): Part {
    const operand = this.#part(required(node.args[0]), statement);
    return node.fn === 'unaryPlus' ? operand : this.#operation(required(operators.get(node.fn)), operand, undefined);
  }

  /** a + b + c … is a tree that goes down to the left as far as the text is long: a loop, as calls would overflow. */
  #operators(node: SyntaxNode, statement: Statement): Part {
    const chain: { readonly operation: string; readonly right: SyntaxNode }[] = [];
    let left = node;
    while (left.type === 'OperatorNode' && left.args.length === 2) {
      chain.push({ operation: required(operators.get(left.fn)), right: required(left.args[1]) });
      left = required(left.args[0]);
    }
    let part = this.#part(left, statement);
    for (const { operation, right } of chain.reverse())
      part = this.#operation(operation, part, this.#part(right, statement));
    return part;
  }

  #call(name: Token, args: readonly SyntaxNode[], statement: Statement): Part {
    if (!functionNames.includes(name.text)) this.#refuseFunction(name);
    const operation = functionAliases.get(name.text) ?? name.text;
    const fits =
      args.length === 1 ? unaryOperations.has(operation) : args.length === 2 && binaryOperations.has(operation);
    if (!fits) {
      const problem = `"${name.text}" called with ${args.length} argument${args.length === 1 ? '' : 's'}`;
      this.#refuse('WRONG_ARGUMENTS', problem, name.offset, `it takes ${arityWords(operation)}`);
    }
    const a = this.#part(required(args[0]), statement);
    return this.#operation(operation, a, args[1] === undefined ? undefined : this.#part(args[1], statement));
  }

  #refuseFunction(name: Token): never {
    const { text, offset } = name;
    if (this.#values.has(text) || constants.has(text))
      this.#refuse('UNKNOWN_FUNCTION', `"${text}" is not a function`, offset, `a product is written ${text}*(…)`);
    const advice = `known functions are ${functionNames.join(', ')}`;
    this.#refuse('UNKNOWN_FUNCTION', `unknown function "${text}"`, offset, advice);
  }

  #name(token: Token): Part {
    const constant = constants.get(token.qualified ? token.text.toLowerCase() : token.text);
    if (constant !== undefined) return { node: constant, height: 1 };
    const value = token.qualified ? undefined : this.#values.get(token.text);
    return value ?? this.#refuseName(token);
  }

  #refuseName({ text, offset, qualified }: Token): never {
    if (functionNames.includes(text)) {
      const problem = `the function "${text}" has no arguments`;
      this.#refuse('WRONG_ARGUMENTS', problem, offset, `it takes ${arityWords(functionAliases.get(text) ?? text)}`);
    }
    if (!qualified && this.#statements.some(({ target }) => target?.text === text))
      this.#refuse('USED_BEFORE_ASSIGNMENT', `"${text}" is used before it is assigned`, offset);
    const known = qualified ? [...constants.keys()] : [...this.#values.keys(), ...constants.keys()];
    this.#refuse('UNKNOWN_SYMBOL', `unknown symbol "${text}"`, offset, `known are ${known.join(', ')}`);
  }

  #operation(operation: string, a: Part, b: Part | undefined): Part {
    const height = 1 + Math.max(a.height, b?.height ?? 0);
    const part: Part = { node: b === undefined ? [operation, a.node] : [operation, a.node, b.node], height };
    return height < heightMax ? part : this.#temporary(part);
  }

  #temporary(part: Part): Part {
    return { node: ['t', this.#temporaries.push(part.node) - 1], height: 1 };
  }

  #refuse(code: ExpressionErrorCode, problem: string, offset: number, advice?: string): never {
    throw new ExpressionError(this.#text, { code, problem, offset, ...(advice === undefined ? {} : { advice }) });
  }
}

function isReserved(name: string): boolean {
  return constants.has(name) || functionNames.includes(name);
}

/** In words, how many arguments the function of this operation takes. */
function arityWords(operation: string): string {
  if (!binaryOperations.has(operation)) return 'one';
  return unaryOperations.has(operation) ? 'one or two' : 'two';
}

/** For what the grammar let through, so that it must be there. */
function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the syntax tree has a part that the grammar does not have');
  return value;
}
