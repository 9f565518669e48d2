import { binaryOperations, type Evaluate, type Operand, unaryOperations, variable } from './expression-operation.js';

/**
 * A function of one variable as plain data, which goes to executors in a message: `4*sqrt(1-y)` after `y = x*x` is
 * `{ temporaries: [['*', 'x', 'x']], value: ['*', 4, ['sqrt', ['-', 1, ['t', 0]]]] }`.
 */
export interface ExpressionTree {
  /** Values that are computed first, in this order; each may use those before it. */
  readonly temporaries: readonly ExpressionNode[];
  readonly value: ExpressionNode;
}

/** A finite number, the variable (`x` here, whatever the user calls it), a temporary, or an operation on nodes. */
export type ExpressionNode = number | 'x' | TemporaryNode | OperationNode;

/** The value of the temporary of this index. */
export type TemporaryNode = readonly ['t', number];

/** Operations are `+ - * / ^ %` and functions by their names; `-` and `log` take one operand or two. */
export type OperationNode =
  | readonly [operation: string, a: ExpressionNode]
  | readonly [operation: string, a: ExpressionNode, b: ExpressionNode];

/** The deepest nodes that are taken: checking, compiling and evaluating call themselves at each level. */
export const treeDepthMax = 200;
/** The most nodes, temporaries included: twice what the longest text can give. */
export const treeNodesMax = 20_000;

/** Something that came as an {@link ExpressionTree} is none. */
export class ExpressionTreeError extends Error {
  override readonly name = 'ExpressionTreeError';
  readonly code = 'BAD_EXPRESSION_TREE';
  /** Which part of the tree: `value`, or `temporaries[3]`. */
  readonly part: string;

  constructor(problem: string, part: string) {
    super(`bad expression tree: ${problem} in ${part}`);
    this.part = part;
  }
}

/**
 * Checks a tree that came from elsewhere. The result is a copy of what was checked and of nothing else, with no getter
 * or prototype of the sender's.
 *
 * @throws {ExpressionTreeError} when it is malformed, deeper than 200 levels or larger than 20,000 nodes.
 */
export function checkTree(value: unknown): ExpressionTree {
  return new TreeCheck().tree(value);
}

/**
 * Makes a function of the tree: closures, no generated code. It allocates nothing when called, keeps no state between
 * calls, and returns what IEEE arithmetic gives, NaN and infinities included.
 *
 * @param tree one that {@link checkTree} returned or `parseExpression` made.
 */
export function compileTree(tree: ExpressionTree): Evaluate {
  const slots = new Float64Array(tree.temporaries.length);
  const temporaries: Operand[] = [];
  const steps: Step[] = [];
  for (const [index, node] of tree.temporaries.entries()) {
    const { evaluate, constant } = compileNode(node, temporaries);
    temporaries.push(constant === undefined ? { evaluate: () => slots[index] as number } : { evaluate, constant });
    if (constant === undefined) steps.push(storing(evaluate, slots, index));
  }
  return sequence(steps, compileNode(tree.value, temporaries).evaluate);
}

/** Computes one temporary at a point and keeps it for what comes after. */
type Step = (x: number) => void;

class TreeCheck {
  #part = 'value';
  #nodes = 0;
  #temporaries = 0;

  tree(value: unknown): ExpressionTree {
    const given = ownProperty(value, 'temporaries');
    if (!Array.isArray(given)) this.#refuse('no list of temporaries');
    if (given.length > treeNodesMax) this.#refuse(`more than ${treeNodesMax} temporaries`);
    const temporaries: ExpressionNode[] = [];
    for (this.#temporaries = 0; this.#temporaries < given.length; this.#temporaries++) {
      this.#part = `temporaries[${this.#temporaries}]`;
      temporaries.push(this.#node(ownProperty(given, this.#temporaries), 1));
    }
    this.#part = 'value';
    return { temporaries, value: this.#node(ownProperty(value, 'value'), 1) };
  }

  #node(node: unknown, depth: number): ExpressionNode {
    if (++this.#nodes > treeNodesMax) this.#refuse(`more than ${treeNodesMax} nodes`);
    if (depth > treeDepthMax) this.#refuse(`more than ${treeDepthMax} levels`);
    if (node === 'x') return node;
    if (typeof node === 'number') return Number.isFinite(node) ? node : this.#refuse(`the number ${node}`);
    if (!Array.isArray(node)) this.#refuse(`a node of type ${node === null ? 'null' : typeof node}`);
    return ownProperty(node, 0) === 't' ? this.#temporary(node) : this.#operation(node, depth);
  }

  #temporary(node: readonly unknown[]): TemporaryNode {
    const index = ownProperty(node, 1);
    if (node.length !== 2 || !Number.isInteger(index)) this.#refuse('a temporary without an index');
    // Only those before: the count is that of the temporaries already checked.
    if ((index as number) < 0 || (index as number) >= this.#temporaries)
      this.#refuse(`temporary ${index}, which is not known there,`);
    return ['t', index as number];
  }

  #operation(node: readonly unknown[], depth: number): OperationNode {
    const operation = ownProperty(node, 0);
    if (typeof operation !== 'string') this.#refuse('an operation without a name');
    const isKnown = (node.length === 2 ? unaryOperations : binaryOperations).has(operation);
    if (!isKnown || node.length > 3)
      this.#refuse(`operation ${JSON.stringify(operation.slice(0, 20))} of ${node.length - 1} operands, unknown,`);
    const a = this.#node(ownProperty(node, 1), depth + 1);
    return node.length === 2 ? [operation, a] : [operation, a, this.#node(ownProperty(node, 2), depth + 1)];
  }

  #refuse(problem: string): never {
    throw new ExpressionTreeError(problem, this.#part);
  }
}

/** The value of a plain property of the object's own; undefined for inherited ones, getters, and what is no object. */
function ownProperty(object: unknown, name: string | number): unknown {
  if (typeof object !== 'object' || object === null) return undefined;
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

function compileNode(node: ExpressionNode, temporaries: readonly Operand[]): Operand {
  if (node === 'x') return variable;
  if (typeof node === 'number') return { evaluate: () => node, constant: node };
  if (isTemporary(node)) return temporaries[node[1]] ?? unknownNode(node);
  const operands = node.slice(1).map((operand) => compileNode(operand as ExpressionNode, temporaries));
  const evaluate = compileOperation(node, operands);
  // What depends on constants only is computed once, here.
  return operands.every(({ constant }) => constant !== undefined) ? constantOf(evaluate(0)) : { evaluate };
}

function compileOperation(node: OperationNode, [a, b]: readonly Operand[]): Evaluate {
  if (a === undefined) return unknownNode(node);
  const evaluate = b === undefined ? unaryOperations.get(node[0])?.(a.evaluate) : binaryOperations.get(node[0])?.(a, b);
  return evaluate ?? unknownNode(node);
}

function constantOf(constant: number): Operand {
  return { evaluate: () => constant, constant };
}

function isTemporary(node: TemporaryNode | OperationNode): node is TemporaryNode {
  return node[0] === 't';
}

function unknownNode(node: ExpressionNode): never {
  throw new ExpressionTreeError(`unknown node ${JSON.stringify(node).slice(0, 40)}`, 'an unchecked tree');
}

function storing(evaluate: Evaluate, slots: Float64Array, index: number): Step {
  return (x) => {
    slots[index] = evaluate(x);
  };
}

/** Runs the steps in order, then the value. The usual counts have closures without a loop. */
function sequence(steps: readonly Step[], value: Evaluate): Evaluate {
  const [first, second] = steps;
  if (first === undefined) return value;
  if (second === undefined)
    return (x) => {
      first(x);
      return value(x);
    };
  return (x) => {
    for (const step of steps) step(x);
    return value(x);
  };
}
