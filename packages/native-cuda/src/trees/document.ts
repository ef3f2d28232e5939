/** Search trees as JSON: `vlprm.search-tree/1`. */
import { NativeError } from '../errors.ts';
import { finite, integer, lengthOf, object, oneOf } from '../validation.ts';
import { NOT_EXPANDED, TERMINAL, type TreeStorage } from './storage.ts';

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
  const begin = tree * storage.stride;
  const end = begin + (storage.size[tree] as number);
  const visits = [...storage.visits.subarray(begin, end)];
  return {
    parent: [...storage.parent.subarray(begin, end)],
    prior: [...storage.prior.subarray(begin, end)],
    visits,
    valueSum: [...storage.valueSum.subarray(begin, end)],
    valueMax: [...storage.valueMax.subarray(begin, end)].map((units, i) =>
      visits[i] === 0 ? null : units * 2 ** -30 - 1,
    ),
    terminal: visits.flatMap((_, node) => (storage.firstChild[begin + node] === TERMINAL ? [node] : [])),
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
  const { parent, firstChild, childCount } = storage;
  const above = integer(value, node === 0 ? -1 : 0, node - 1, where);
  parent[begin + node] = above;
  if (above < 0) return;
  const at = begin + above;
  if (firstChild[at] === NOT_EXPANDED) firstChild[at] = node;
  if ((firstChild[at] as number) + (childCount[at] as number) !== node || childCount[at] === 2 ** 16 - 1) {
    const what = `node ${above} has children that are not consecutive, or more than ${2 ** 16 - 1}`;
    throw new NativeError('ERR_VLPRM_SHAPE', where, what, 'pass what toJSON wrote');
  }
  childCount[at] = (childCount[at] as number) + 1;
}

function readVisits(storage: TreeStorage, begin: number, document: TreeDocument, node: number, where: string): void {
  const visits = integer(document.visits[node], 0, 2 ** 22, `${where}.visits[${node}]`);
  const max = document.valueMax[node];
  const at = begin + node;
  storage.visits[at] = visits;
  storage.valueSum[at] = gridValue(document.valueSum[node], visits, `${where}.valueSum[${node}]`);
  if (visits === 0) return;
  storage.valueMax[at] = (gridValue(max, 1, `${where}.valueMax[${node}]`) + 1) * 2 ** 30;
}

/** A node's visits are those of its children and those that ended there. */
function checkVisits(
  { visits, firstChild, childCount }: TreeStorage,
  begin: number,
  node: number,
  where: string,
): void {
  const first = firstChild[begin + node] as number;
  if (first <= 0) return;
  const children = visits.subarray(begin + first, begin + first + (childCount[begin + node] as number));
  const below = children.reduce((sum, count) => sum + count, 0);
  if (below <= (visits[begin + node] as number)) return;
  const what = `${visits[begin + node]} visits, but its children have ${below}`;
  throw new NativeError('ERR_VLPRM_RANGE', `${where}.visits[${node}]`, what, 'pass what toJSON wrote');
}

function readTerminal(storage: TreeStorage, begin: number, value: unknown, size: number, where: string): void {
  const node = integer(value, 0, size - 1, where);
  if (storage.firstChild[begin + node] !== NOT_EXPANDED) {
    throw new NativeError(
      'ERR_VLPRM_SHAPE',
      where,
      `node ${node} has children or is listed twice`,
      'list leaves, once',
    );
  }
  storage.firstChild[begin + node] = TERMINAL;
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
    storage.prior[begin + node] = finite(prior[node], { minimum: 0, maximum: 1 }, `${where}.prior[${node}]`);
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
