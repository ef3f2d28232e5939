/** Search trees as JSON: `vlprm.search-tree/1`. */
import { NativeError } from '../errors.ts';
import { finite, integer, lengthOf, object, oneOf } from '../validation.ts';
import {
  EDGE,
  FIRST_CHILD,
  NOT_EXPANDED,
  PARENT,
  PRIOR,
  TERMINAL,
  UPLINK,
  VALUE_MAX,
  VISITS,
  type TreeStorage,
} from './storage.ts';

export const SEARCH_TREE_SCHEMA = 'vlprm.search-tree/1';

/** One tree, a column per field, element i for node i. */
export interface TreeDocument {
  /** -1 for the root; each below its own index, and the children of a node consecutive. */
  parent: number[];
  /** Float32 in [0, 1]. */
  prior: number[];
  visits: number[];
  /** Multiples of 2⁻³⁰. */
  valueSum: number[];
  /** Multiples of 2⁻³⁰ in [-1, 1]; null without visits. */
  valueMax: (number | null)[];
  /** Nodes that can have no children, in increasing order. */
  terminal: number[];
}

export interface SearchTreeDocument {
  schema: typeof SEARCH_TREE_SCHEMA;
  /** Nodes that each tree can hold. */
  capacity: number;
  trees: TreeDocument[];
}

function writeTree(storage: TreeStorage, tree: number): TreeDocument {
  const { edges, priors, uplinks, maxima, valueSum, stride } = storage;
  const nodes = Array.from({ length: storage.size[tree] as number }, (_, node) => node);
  const edge = (node: number): number => EDGE * (tree * stride + node);
  const uplink = (node: number): number => UPLINK * (tree * stride + node);
  const visits = nodes.map((node) => edges[edge(node) + VISITS] as number);
  const largest = nodes.map((node) => (maxima[uplink(node) + VALUE_MAX] as number) * 2 ** -30 - 1);
  return {
    parent: nodes.map((node) => uplinks[uplink(node) + PARENT] as number),
    prior: nodes.map((node) => priors[edge(node) + PRIOR] as number),
    visits,
    valueSum: nodes.map((node) => valueSum[tree * stride + node] as number),
    valueMax: largest.map((value, node) => (visits[node] === 0 ? null : value)),
    terminal: nodes.filter((node) => edges[edge(node) + FIRST_CHILD] === TERMINAL),
  };
}

export function writeTrees(storage: TreeStorage): SearchTreeDocument {
  const trees = Array.from({ length: storage.trees }, (_, tree) => writeTree(storage, tree));
  return { schema: SEARCH_TREE_SCHEMA, capacity: storage.capacity, trees };
}

function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new NativeError('ERR_VLPRM_TYPE', where, 'expected an array', 'pass what toJSON wrote');
}

function column(value: unknown, length: number, where: string): readonly unknown[] {
  const given = list(value, where);
  lengthOf(given, length, where, 'the tree');
  return given;
}

/** A multiple of 2⁻³⁰ in [-most, most]. */
function gridValue(value: unknown, most: number, where: string): number {
  const given = finite(value, { minimum: -most, maximum: most }, where);
  if (Number.isInteger(given * 2 ** 30)) return given;
  throw new NativeError('ERR_VLPRM_RANGE', where, `${given} is no multiple of 2^-30`, 'pass what toJSON wrote');
}

/** Links node `node` to its parent, whose children must be consecutive. */
function readParent(storage: TreeStorage, begin: number, node: number, value: unknown, where: string): void {
  const { edges, uplinks, childCount } = storage;
  const above = integer(value, node === 0 ? -1 : 0, node - 1, where);
  uplinks[UPLINK * (begin + node) + PARENT] = above;
  if (above < 0) return;
  const at = begin + above;
  if (edges[EDGE * at + FIRST_CHILD] === NOT_EXPANDED) edges[EDGE * at + FIRST_CHILD] = node;
  if (
    (edges[EDGE * at + FIRST_CHILD] as number) + (childCount[at] as number) !== node ||
    childCount[at] === 2 ** 16 - 1
  ) {
    const what = `node ${above} has children that are not consecutive, or more than ${2 ** 16 - 1}`;
    throw new NativeError('ERR_VLPRM_SHAPE', where, what, 'pass what toJSON wrote');
  }
  childCount[at] = (childCount[at] as number) + 1;
}

function readVisits(storage: TreeStorage, begin: number, document: TreeDocument, node: number, where: string): void {
  const visits = integer(document.visits[node], 0, 2 ** 22, `${where}.visits[${node}]`);
  const max = document.valueMax[node];
  const at = begin + node;
  storage.edges[EDGE * at + VISITS] = visits;
  storage.valueSum[at] = gridValue(document.valueSum[node], visits, `${where}.valueSum[${node}]`);
  if (visits === 0) return;
  storage.maxima[UPLINK * at + VALUE_MAX] = (gridValue(max, 1, `${where}.valueMax[${node}]`) + 1) * 2 ** 30;
}

/** A node's visits are those of its children and those that ended there. */
function checkVisits({ edges, childCount }: TreeStorage, begin: number, node: number, where: string): void {
  const first = edges[EDGE * (begin + node) + FIRST_CHILD] as number;
  if (first <= 0) return;
  const visits = edges[EDGE * (begin + node) + VISITS] as number;
  let below = 0;
  for (let child = first; child < first + (childCount[begin + node] as number); child += 1) {
    below += edges[EDGE * (begin + child) + VISITS] as number;
  }
  if (below <= visits) return;
  const what = `${visits} visits, but its children have ${below}`;
  throw new NativeError('ERR_VLPRM_RANGE', `${where}.visits[${node}]`, what, 'pass what toJSON wrote');
}

function readTerminal(storage: TreeStorage, begin: number, value: unknown, size: number, where: string): void {
  const node = integer(value, 0, size - 1, where);
  if (storage.edges[EDGE * (begin + node) + FIRST_CHILD] !== NOT_EXPANDED) {
    throw new NativeError(
      'ERR_VLPRM_SHAPE',
      where,
      `node ${node} has children or is listed twice`,
      'list leaves, once',
    );
  }
  storage.edges[EDGE * (begin + node) + FIRST_CHILD] = TERMINAL;
}

function readTree(document: TreeDocument, storage: TreeStorage, tree: number): void {
  const where = `TreeBatch.fromJSON.trees[${tree}]`;
  object(document, where);
  const { length } = list(document.visits, `${where}.visits`);
  const size = integer(length, 1, storage.capacity, `${where}.visits.length`);
  const begin = tree * storage.stride;
  const parent = column(document.parent, size, `${where}.parent`);
  const prior = column(document.prior, size, `${where}.prior`);
  column(document.valueSum, size, `${where}.valueSum`);
  column(document.valueMax, size, `${where}.valueMax`);
  for (let node = 0; node < size; node += 1) {
    readParent(storage, begin, node, parent[node], `${where}.parent[${node}]`);
    storage.priors[EDGE * (begin + node) + PRIOR] = finite(
      prior[node],
      { minimum: 0, maximum: 1 },
      `${where}.prior[${node}]`,
    );
    readVisits(storage, begin, document, node, where);
  }
  for (let node = 0; node < size; node += 1) checkVisits(storage, begin, node, where);
  const terminal = list(document.terminal, `${where}.terminal`);
  terminal.forEach((node, i) => readTerminal(storage, begin, node, size, `${where}.terminal[${i}]`));
  storage.size[tree] = size;
}

/** Fills trees that hold a root alone. */
export function readTrees(document: SearchTreeDocument, storage: TreeStorage): void {
  oneOf(document.schema, [SEARCH_TREE_SCHEMA], 'TreeBatch.fromJSON.schema');
  document.trees.forEach((tree, i) => readTree(tree, storage, i));
}
