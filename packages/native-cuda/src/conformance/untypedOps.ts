/** One valid call of every op, to be changed by the tests of bad input. */
import { adamw } from '../ops/adamw.ts';
import { expandNodes } from '../ops/expandNodes.ts';
import { mcLabels } from '../ops/mcLabels.ts';
import { puctSelect, uctSelect } from '../ops/puctSelect.ts';
import { stepHeadSize, type StepHead } from '../ops/stepHead.ts';
import { stepLoss } from '../ops/stepLoss.ts';
import { stepScore } from '../ops/stepScore.ts';
import { valueBackup } from '../ops/valueBackup.ts';
import { TreeBatch } from '../trees/tree-batch.ts';

export type Fields = Record<string, unknown>;

/** An op as untyped JavaScript would call it. */
export interface UntypedOp {
  readonly call: (input: unknown, options?: unknown) => unknown;
  /** A new input at each call: some ops write into it. */
  readonly valid: () => Fields;
}

export const zeroHead = (width: number, hiddenSize: number): StepHead => ({
  inputSize: width,
  hiddenSize,
  parameters: new Float32Array(stepHeadSize(width, hiddenSize)),
});

/** Two trees of a root and two children, whose roots are visited and at whose first children a descent waits. */
function searchedBatch(): TreeBatch {
  const batch = new TreeBatch({ trees: 2, capacity: 6 });
  const leaves = Int32Array.of(0, 0);
  expandNodes({ batch, leaves, childOffsets: Int32Array.of(0, 2, 4), priors: new Float32Array(4).fill(0.5) });
  valueBackup({ batch, leaves, values: Float64Array.of(0, 0), selected: false });
  puctSelect({ batch });
  return batch;
}

const selection = {
  leavesPerTree: 2,
  trees: Int32Array.of(0, 1),
  nodeValue: 'max',
  virtualValue: -0.5,
  childrenPerLeaf: 1,
};

export const UNTYPED_OPS = {
  stepScore: {
    call: stepScore as UntypedOp['call'],
    valid: () => ({
      hidden: new Float32Array(12),
      dtype: 'f32',
      width: 3,
      positions: Int32Array.of(0, 3, 1),
      labelRows: { rows: new Float32Array(6), bias: new Float32Array(2) },
      temperature: 2,
      candidateOffsets: Int32Array.of(0, 1, 1, 3),
      problemOffsets: Int32Array.of(0, 3),
      answers: Int32Array.of(-1, 0, 5),
      threshold: 0.4,
      selectBy: 'min',
    }),
  },
  stepLoss: {
    call: stepLoss as UntypedOp['call'],
    valid: () => ({
      features: new Float32Array(12),
      width: 3,
      rowIndices: Int32Array.of(0, 2),
      targets: Float32Array.of(0, 0.5, 1, 1),
      weights: Float32Array.of(1, 0, 2, 1),
      head: zeroHead(3, 2),
      loss: 'bce',
      labelSmoothing: 0.1,
      gradient: new Float32Array(stepHeadSize(3, 2)),
    }),
  },
  adamw: {
    call: adamw as UntypedOp['call'],
    valid: () => ({
      parameters: new Float32Array(4),
      gradient: new Float32Array(4),
      state: { firstMoment: new Float32Array(4), secondMoment: new Float32Array(4), step: 0 },
      learningRate: 0.1,
      maxGradNorm: 1,
    }),
  },
  mcLabels: {
    call: mcLabels as UntypedOp['call'],
    valid: () => ({
      outcomes: Uint8Array.of(0, 1, 2, 3),
      offsets: Int32Array.of(0, 2, 2, 4),
      threshold: { numerator: 1, denominator: 2 },
      interval: { kind: 'wilson', z: 1 },
    }),
  },
  puctSelect: {
    call: puctSelect as UntypedOp['call'],
    valid: () => ({ batch: searchedBatch(), ...selection, cInit: 1, cBase: 100, firstPlay: { belowParent: 0.1 } }),
  },
  uctSelect: {
    call: uctSelect as UntypedOp['call'],
    valid: () => ({ batch: searchedBatch(), ...selection, c: 1 }),
  },
  expandNodes: {
    call: expandNodes as UntypedOp['call'],
    valid: () => ({
      batch: searchedBatch(),
      trees: Int32Array.of(0, 1),
      leaves: Int32Array.of(1, -1),
      childOffsets: Int32Array.of(0, 2, 3),
      priors: Float32Array.of(0, 1, 0.5),
    }),
  },
  valueBackup: {
    call: valueBackup as UntypedOp['call'],
    valid: () => ({
      batch: searchedBatch(),
      trees: Int32Array.of(0, 1),
      leaves: Int32Array.of(1, -1),
      values: Float64Array.of(0.5, NaN),
      discount: 0.9,
      selected: true,
    }),
  },
} satisfies Record<string, UntypedOp>;
