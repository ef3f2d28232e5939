import type { CallOptions } from '../backends.ts';
import { run } from '../dispatch.ts';
import { NativeError } from '../errors.ts';
import { memoryOf, touch } from '../trees/residence.ts';
import { alphaZeroRule, constantRule, ucb1Rule, type ExplorationRule } from '../trees/tables.ts';
import { treeState, type TreeBatch, type TreeState } from '../trees/tree-batch.ts';
import { holdLeaves, planTrees, type TreePlan, type Wave } from '../trees/wave.ts';
import { fields, finite, integer, MAX_LENGTH, oneOf } from '../validation.ts';

export const NODE_VALUES = ['mean', 'max'] as const;
/** Which of the values backed up through a node stands for it. */
export type NodeValue = (typeof NODE_VALUES)[number];

export interface SelectInput {
  batch: TreeBatch;
  /** Descents in each tree, one after the other. Default 1. */
  leavesPerTree?: number | undefined;
  /** Trees to select in, increasing. Default: all of the batch. */
  trees?: Int32Array | null | undefined;
  /** Q of a child: mean or maximum of its values. Default mean. */
  nodeValue?: NodeValue | undefined;
  /** Value in [-1, 1] that each virtual visit counts as. Default 0, the lowest value of a probability. */
  virtualValue?: number | undefined;
  /**
   * No descent begins in a tree that has no room for this many children for it and for each descent before it in this wave: its
   * leaf is -1. Default 0: descents go on in a full tree.
   */
  childrenPerLeaf?: number | undefined;
}

export interface PuctSelectInput extends SelectInput {
  /** PUCT with a constant: c · √N. Without it, AlphaZero's rate, which grows with N. */
  c?: number | undefined;
  /** AlphaZero's rate: cInit + ln((N + cBase + 1) / cBase). Defaults 1.25 and 19,652. */
  cInit?: number | undefined;
  cBase?: number | undefined;
  /** Q of a child without visits: a value, or what it is below its parent's (KataGo's reduction). Default 0. */
  firstPlay?: number | { belowParent: number } | undefined;
}

export interface UctSelectInput extends SelectInput {
  /** Factor of the exploration term. Default √2. */
  c?: number | undefined;
}

export interface SelectOutput extends Wave {
  /** [T × L] edges between root and leaf, or -1 where the leaf is -1. */
  depths: Int32Array;
}

/** A checked call; kernels write `wave.leaves` and `depths`, and count virtual visits. */
export interface PuctSelectPlan extends TreePlan {
  readonly depths: Int32Array;
  /** By the visits of the parent, virtual ones included. */
  readonly factor: Float64Array;
  readonly exploration: 'puct' | 'uct';
  readonly nodeValue: NodeValue;
  readonly virtualValue: number;
  readonly firstPlay: number;
  /** Whether `firstPlay` is what a child without visits is below its parent. */
  readonly belowParent: boolean;
  readonly childrenPerLeaf: number;
}

const UNIT = { minimum: -1, maximum: 1 };
const RATE = { minimum: 0, maximum: 1e6 };

function planFirstPlay(firstPlay: unknown, where: string): { firstPlay: number; belowParent: boolean } {
  if (typeof firstPlay !== 'object' || firstPlay === null) {
    return { firstPlay: finite(firstPlay, UNIT, where), belowParent: false };
  }
  const { belowParent } = firstPlay as { belowParent?: unknown };
  return { firstPlay: finite(belowParent, { minimum: 0, maximum: 2 }, `${where}.belowParent`), belowParent: true };
}

function planPuctRule({ c, cInit, cBase }: PuctSelectInput, where: string): ExplorationRule {
  if (c === undefined) {
    const base = finite(cBase ?? 19_652, { minimum: 1, maximum: 1e9 }, `${where}.cBase`);
    return alphaZeroRule(finite(cInit ?? 1.25, RATE, `${where}.cInit`), base);
  }
  if (cInit === undefined && cBase === undefined) return constantRule(finite(c, RATE, `${where}.c`));
  throw new NativeError('ERR_VLPRM_TYPE', `${where}.c`, 'excludes cInit and cBase', 'pass one rule of exploration');
}

function planSelect(
  input: SelectInput,
  state: TreeState,
  rule: ExplorationRule,
  where: string,
): Omit<PuctSelectPlan, 'exploration' | 'firstPlay' | 'belowParent'> {
  const { storage } = state;
  const trees = planTrees(input.trees, storage, `${where}.trees`);
  const count = trees?.length ?? storage.trees;
  const most = Math.min(2 ** 16, Math.floor(MAX_LENGTH / Math.max(count, 1)));
  const leavesPerTree = integer(input.leavesPerTree ?? 1, 1, most, `${where}.leavesPerTree`);
  const nodeValue = oneOf(input.nodeValue ?? 'mean', NODE_VALUES, `${where}.nodeValue`);
  const virtualValue = finite(input.virtualValue ?? 0, UNIT, `${where}.virtualValue`);
  const childrenPerLeaf = integer(input.childrenPerLeaf ?? 0, 0, 2 ** 16 - 1, `${where}.childrenPerLeaf`);
  state.admit(leavesPerTree, `${where}.leavesPerTree`);
  const leaves = new Int32Array(count * leavesPerTree);
  const depths = new Int32Array(count * leavesPerTree);
  const wave = { storage, trees, count, leavesPerTree, leaves };
  return {
    wave,
    memory: memoryOf(storage),
    depths,
    factor: state.factors(rule),
    nodeValue,
    virtualValue,
    childrenPerLeaf,
  };
}

export function planPuctSelect(argument: PuctSelectInput): PuctSelectPlan {
  const where = 'puctSelect';
  const input = fields(argument, where);
  const state = treeState(input.batch, `${where}.batch`);
  const firstPlay = planFirstPlay(input.firstPlay ?? 0, `${where}.firstPlay`);
  const rule = planPuctRule(input, where);
  return { ...planSelect(input, state, rule, where), ...firstPlay, exploration: 'puct' };
}

export function planUctSelect(argument: UctSelectInput): PuctSelectPlan {
  const where = 'uctSelect';
  const input = fields(argument, where);
  const state = treeState(input.batch, `${where}.batch`);
  const rule = ucb1Rule(finite(input.c ?? Math.SQRT2, RATE, `${where}.c`));
  return { ...planSelect(input, state, rule, where), firstPlay: 0, belowParent: false, exploration: 'uct' };
}

function select(plan: PuctSelectPlan, options: CallOptions | undefined): SelectOutput {
  run('puctSelect', plan, options);
  touch(plan.wave.storage);
  holdLeaves(plan.wave);
  return { trees: plan.wave.trees, leaves: plan.wave.leaves, depths: plan.depths };
}

/**
 * Descends L times in each tree from the root to a leaf, a node that is not expanded or is terminal. From a node whose visits are N a
 * descent goes on to the child with the largest
 *
 *     Q + P · f(N) / (1 + n),   f(N) = (cInit + ln((N + cBase + 1) / cBase)) · √N
 *
 * (AlphaZero, https://doi.org/10.1126/science.aar6404), the first of equal ones. With W the child's value times its real visits and v
 * its virtual visits, n counts both and Q = (W + v · virtualValue) / n; N counts both too. Every node of the path then has one more
 * virtual visit, until `valueBackup` or `releaseLeaves` takes it back, so that the next descent looks elsewhere.
 *
 * Back the value of the root up first: with N = 0 no prior counts.
 * @throws NativeError ERR_VLPRM_TYPE, ERR_VLPRM_RANGE (also a root with more than 2²² visits), ERR_VLPRM_POSITION
 */
export function puctSelect(input: PuctSelectInput, options?: CallOptions): SelectOutput {
  return select(planPuctSelect(input), options);
}

/**
 * Like `puctSelect`, by UCB1: Q + c · √(ln N / n), children without visits before all others, in order (UCT,
 * https://doi.org/10.1007/11871842_29).
 * @throws NativeError as `puctSelect`
 */
export function uctSelect(input: UctSelectInput, options?: CallOptions): SelectOutput {
  return select(planUctSelect(input), options);
}
