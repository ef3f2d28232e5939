/** Bad input: every op refuses it with a code and the place, on every backend alike, before anything is computed. */
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';
import { UNTYPED_OPS, zeroHead, type Fields, type UntypedOp } from './conformance/untypedOps.ts';
import { NativeError, type NativeErrorCode } from './errors.ts';
import { planStepScore } from './ops/stepScore.ts';

interface Subject extends UntypedOp {
  readonly refusals: readonly [change: (input: Fields) => unknown, code: NativeErrorCode, where: string][];
}

function detached(): Float32Array {
  const array = new Float32Array(12);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

function resizable(type: 'f32' | 'i32', length: number): Float32Array | Int32Array {
  const buffer = new (ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer)(
    4 * length,
    { maxByteLength: 8 * length },
  );
  return type === 'f32' ? new Float32Array(buffer) : new Int32Array(buffer);
}

function growable(length: number): Float32Array {
  const Shared = SharedArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number },
  ) => SharedArrayBuffer;
  return new Float32Array(new Shared(4 * length, { maxByteLength: 8 * length }));
}

const stepScoreSubject: Subject = {
  ...UNTYPED_OPS.stepScore,
  refusals: [
    [() => null, 'ERR_VLPRM_TYPE', 'stepScore'],
    [(x) => ({ ...x, hidden: [1, 2, 3] }), 'ERR_VLPRM_TYPE', 'stepScore.hidden'],
    [(x) => ({ ...x, hidden: new Float64Array(12) }), 'ERR_VLPRM_TYPE', 'stepScore.hidden'],
    [(x) => ({ ...x, hidden: new Uint16Array(12) }), 'ERR_VLPRM_DTYPE', 'stepScore.hidden'],
    [(x) => ({ ...x, dtype: 'bf16' }), 'ERR_VLPRM_DTYPE', 'stepScore.hidden'],
    [(x) => ({ ...x, dtype: 'f64' }), 'ERR_VLPRM_TYPE', 'stepScore.dtype'],
    [(x) => ({ ...x, hidden: detached() }), 'ERR_VLPRM_DETACHED', 'stepScore.hidden'],
    [(x) => ({ ...x, hidden: resizable('f32', 12) }), 'ERR_VLPRM_RESIZABLE', 'stepScore.hidden'],
    [(x) => ({ ...x, hidden: growable(12) }), 'ERR_VLPRM_RESIZABLE', 'stepScore.hidden'],
    [(x) => ({ ...x, width: 5 }), 'ERR_VLPRM_SHAPE', 'stepScore.hidden'],
    [(x) => ({ ...x, width: 0 }), 'ERR_VLPRM_RANGE', 'stepScore.width'],
    [(x) => ({ ...x, width: 1.5 }), 'ERR_VLPRM_RANGE', 'stepScore.width'],
    [(x) => ({ ...x, width: '3' }), 'ERR_VLPRM_TYPE', 'stepScore.width'],
    [(x) => ({ ...x, positions: Int32Array.of(0, 4, 1) }), 'ERR_VLPRM_POSITION', 'stepScore.positions[1]'],
    [(x) => ({ ...x, positions: Int32Array.of(0, 1, -1) }), 'ERR_VLPRM_POSITION', 'stepScore.positions[2]'],
    [(x) => ({ ...x, positions: resizable('i32', 3) }), 'ERR_VLPRM_RESIZABLE', 'stepScore.positions'],
    [(x) => ({ ...x, labelRows: undefined }), 'ERR_VLPRM_TYPE', 'stepScore'],
    [(x) => ({ ...x, head: zeroHead(3, 0) }), 'ERR_VLPRM_TYPE', 'stepScore'],
    [(x) => ({ ...x, labelRows: { rows: new Float32Array(3) } }), 'ERR_VLPRM_SHAPE', 'stepScore.labelRows.rows'],
    [(x) => ({ ...x, labelRows: { rows: new Float32Array(7) } }), 'ERR_VLPRM_SHAPE', 'stepScore.labelRows.rows'],
    [
      (x) => ({ ...x, labelRows: { rows: new Float32Array(6), bias: new Float32Array(3) } }),
      'ERR_VLPRM_SHAPE',
      'stepScore.labelRows.bias',
    ],
    [(x) => ({ ...x, labelRows: undefined, head: zeroHead(2, 0) }), 'ERR_VLPRM_SHAPE', 'stepScore.head.inputSize'],
    [
      (x) => ({ ...x, labelRows: undefined, head: { ...zeroHead(3, 2), hiddenSize: 1 } }),
      'ERR_VLPRM_SHAPE',
      'stepScore.head.parameters',
    ],
    [
      (x) => ({ ...x, labelRows: undefined, head: { ...zeroHead(3, 2), hiddenSize: -1 } }),
      'ERR_VLPRM_RANGE',
      'stepScore.head.hiddenSize',
    ],
    [
      (x) => ({ ...x, hidden: new Uint16Array(12), dtype: 'f16', labelRows: undefined, head: zeroHead(3, 2) }),
      'ERR_VLPRM_DTYPE',
      'stepScore.dtype',
    ],
    [(x) => ({ ...x, temperature: 0 }), 'ERR_VLPRM_RANGE', 'stepScore.temperature'],
    [(x) => ({ ...x, temperature: NaN }), 'ERR_VLPRM_RANGE', 'stepScore.temperature'],
    [(x) => ({ ...x, temperature: '1' }), 'ERR_VLPRM_TYPE', 'stepScore.temperature'],
    [(x) => ({ ...x, threshold: 1.1 }), 'ERR_VLPRM_RANGE', 'stepScore.threshold'],
    [(x) => ({ ...x, candidateOffsets: Int32Array.of() }), 'ERR_VLPRM_SEGMENTS', 'stepScore.candidateOffsets'],
    [(x) => ({ ...x, candidateOffsets: Int32Array.of(1, 3) }), 'ERR_VLPRM_SEGMENTS', 'stepScore.candidateOffsets[0]'],
    [
      (x) => ({ ...x, candidateOffsets: Int32Array.of(0, 2, 1, 3) }),
      'ERR_VLPRM_SEGMENTS',
      'stepScore.candidateOffsets[2]',
    ],
    [(x) => ({ ...x, candidateOffsets: Int32Array.of(0, 4) }), 'ERR_VLPRM_SEGMENTS', 'stepScore.candidateOffsets[1]'],
    [(x) => ({ ...x, problemOffsets: Int32Array.of(0, 2) }), 'ERR_VLPRM_SEGMENTS', 'stepScore.problemOffsets[1]'],
    [(x) => ({ ...x, candidateOffsets: undefined }), 'ERR_VLPRM_SEGMENTS', 'stepScore.problemOffsets'],
    [(x) => ({ ...x, problemOffsets: undefined }), 'ERR_VLPRM_SEGMENTS', 'stepScore.answers'],
    [(x) => ({ ...x, answers: Int32Array.of(1, 2) }), 'ERR_VLPRM_SHAPE', 'stepScore.answers'],
    [(x) => ({ ...x, answers: Int32Array.of(1, -2, 0) }), 'ERR_VLPRM_RANGE', 'stepScore.answers[1]'],
    [(x) => ({ ...x, selectBy: 'firstError' }), 'ERR_VLPRM_TYPE', 'stepScore.selectBy'],
  ],
};

/** The valid arguments of stepLoss under loss 'pqm', changed. */
const ranked = (valid: Fields, change: Fields) => ({
  ...valid,
  loss: 'pqm',
  labelSmoothing: 0,
  traceOffsets: Int32Array.of(0, 2),
  ...change,
});

const stepLossSubject: Subject = {
  ...UNTYPED_OPS.stepLoss,
  refusals: [
    [() => undefined, 'ERR_VLPRM_TYPE', 'stepLoss'],
    [(x) => ({ ...x, features: new Float64Array(12) }), 'ERR_VLPRM_TYPE', 'stepLoss.features'],
    [(x) => ({ ...x, features: new Float32Array(11) }), 'ERR_VLPRM_SHAPE', 'stepLoss.features'],
    [(x) => ({ ...x, targets: new Float32Array(3) }), 'ERR_VLPRM_SHAPE', 'stepLoss.targets'],
    [(x) => ({ ...x, weights: new Float32Array(5) }), 'ERR_VLPRM_SHAPE', 'stepLoss.weights'],
    [(x) => ({ ...x, targets: Float32Array.of(0, 0, 1.5, 1) }), 'ERR_VLPRM_RANGE', 'stepLoss.targets[2]'],
    [(x) => ({ ...x, targets: Float32Array.of(NaN, 0, 1, 1) }), 'ERR_VLPRM_RANGE', 'stepLoss.targets[0]'],
    [(x) => ({ ...x, weights: Float32Array.of(-1, 0, 1, 1) }), 'ERR_VLPRM_RANGE', 'stepLoss.weights[0]'],
    [(x) => ({ ...x, weights: Float32Array.of(1, 0, Infinity, 1) }), 'ERR_VLPRM_RANGE', 'stepLoss.weights[2]'],
    [(x) => ({ ...x, dtype: 'f64' }), 'ERR_VLPRM_TYPE', 'stepLoss.dtype'],
    [(x) => ({ ...x, dtype: 'bf16' }), 'ERR_VLPRM_DTYPE', 'stepLoss.features'],
    [(x) => ({ ...x, features: new Uint16Array(12) }), 'ERR_VLPRM_DTYPE', 'stepLoss.features'],
    [(x) => ({ ...x, targets: Uint8Array.of(1, 0, 1, 1) }), 'ERR_VLPRM_TYPE', 'stepLoss.targets'],
    [(x) => ({ ...x, targets: Int8Array.of(1, 0, 2, 1) }), 'ERR_VLPRM_RANGE', 'stepLoss.targets[2]'],
    [(x) => ({ ...x, classWeights: 2 }), 'ERR_VLPRM_TYPE', 'stepLoss.classWeights'],
    [(x) => ({ ...x, classWeights: { positive: 1 } }), 'ERR_VLPRM_TYPE', 'stepLoss.classWeights.negative'],
    [
      (x) => ({ ...x, classWeights: { positive: -1, negative: 1 } }),
      'ERR_VLPRM_RANGE',
      'stepLoss.classWeights.positive',
    ],
    [(x) => ({ ...x, kinds: new Uint8Array(4) }), 'ERR_VLPRM_TYPE', 'stepLoss'],
    [(x) => ({ ...x, kindWeights: new Float32Array(1) }), 'ERR_VLPRM_TYPE', 'stepLoss'],
    [(x) => ({ ...x, kinds: new Uint8Array(3), kindWeights: Float32Array.of(1) }), 'ERR_VLPRM_SHAPE', 'stepLoss.kinds'],
    [
      (x) => ({ ...x, kinds: Uint8Array.of(0, 0, 1, 0), kindWeights: Float32Array.of(1) }),
      'ERR_VLPRM_RANGE',
      'stepLoss.kinds[2]',
    ],
    [
      (x) => ({ ...x, kinds: new Uint8Array(4), kindWeights: Float32Array.of(1, -1) }),
      'ERR_VLPRM_RANGE',
      'stepLoss.kindWeights[1]',
    ],
    [(x) => ({ ...x, rowIndices: Int32Array.of(0, 4) }), 'ERR_VLPRM_POSITION', 'stepLoss.rowIndices[1]'],
    [(x) => ({ ...x, traceOffsets: Int32Array.of(0, 2) }), 'ERR_VLPRM_TYPE', 'stepLoss.traceOffsets'],
    [(x) => ({ ...x, margin: 4 }), 'ERR_VLPRM_TYPE', 'stepLoss.margin'],
    [(x) => ({ ...x, loss: 'pqm' }), 'ERR_VLPRM_RANGE', 'stepLoss.labelSmoothing'],
    [(x) => ranked(x, { targets: Float32Array.of(0, 0, 0.5, 1) }), 'ERR_VLPRM_RANGE', 'stepLoss.targets[2]'],
    [(x) => ranked(x, { traceOffsets: undefined }), 'ERR_VLPRM_TYPE', 'stepLoss.traceOffsets'],
    [(x) => ranked(x, { traceOffsets: Int32Array.of(0, 3) }), 'ERR_VLPRM_SEGMENTS', 'stepLoss.traceOffsets[1]'],
    [(x) => ranked(x, { margin: -1 }), 'ERR_VLPRM_RANGE', 'stepLoss.margin'],
    [(x) => ({ ...x, head: zeroHead(4, 2) }), 'ERR_VLPRM_SHAPE', 'stepLoss.head.inputSize'],
    [(x) => ({ ...x, head: 7 }), 'ERR_VLPRM_TYPE', 'stepLoss.head'],
    [(x) => ({ ...x, loss: 'hinge' }), 'ERR_VLPRM_TYPE', 'stepLoss.loss'],
    [(x) => ({ ...x, labelSmoothing: 1 }), 'ERR_VLPRM_RANGE', 'stepLoss.labelSmoothing'],
    [(x) => ({ ...x, gradient: new Float32Array(3) }), 'ERR_VLPRM_SHAPE', 'stepLoss.gradient'],
    [(x) => ({ ...x, featureGradient: new Float32Array(12) }), 'ERR_VLPRM_SHAPE', 'stepLoss.featureGradient'],
    [(x) => ({ ...x, featureGradient: new Int32Array(6) }), 'ERR_VLPRM_TYPE', 'stepLoss.featureGradient'],
    [
      (x) => ({ ...x, featureGradient: (x['features'] as Float32Array).subarray(0, 6) }),
      'ERR_VLPRM_ALIAS',
      'stepLoss.featureGradient',
    ],
    [
      (x) => ({ ...x, gradient: (x['head'] as { parameters: unknown }).parameters }),
      'ERR_VLPRM_ALIAS',
      'stepLoss.gradient',
    ],
  ],
};

const adamwSubject: Subject = {
  ...UNTYPED_OPS.adamw,
  refusals: [
    [() => 'adamw', 'ERR_VLPRM_TYPE', 'adamw'],
    [(x) => ({ ...x, state: undefined }), 'ERR_VLPRM_TYPE', 'adamw.state'],
    [(x) => ({ ...x, gradient: new Float32Array(3) }), 'ERR_VLPRM_SHAPE', 'adamw.gradient'],
    [(x) => ({ ...x, gradient: x['parameters'] }), 'ERR_VLPRM_ALIAS', 'adamw.parameters'],
    [(x) => ({ ...x, state: { ...(x['state'] as object), step: -1 } }), 'ERR_VLPRM_RANGE', 'adamw.state.step'],
    [
      (x) => ({ ...x, state: { ...(x['state'] as object), secondMoment: new Float32Array(5) } }),
      'ERR_VLPRM_SHAPE',
      'adamw.state.secondMoment',
    ],
    [(x) => ({ ...x, learningRate: -1 }), 'ERR_VLPRM_RANGE', 'adamw.learningRate'],
    [(x) => ({ ...x, learningRate: undefined }), 'ERR_VLPRM_TYPE', 'adamw.learningRate'],
    [(x) => ({ ...x, beta1: 1 }), 'ERR_VLPRM_RANGE', 'adamw.beta1'],
    [(x) => ({ ...x, beta2: -0.1 }), 'ERR_VLPRM_RANGE', 'adamw.beta2'],
    [(x) => ({ ...x, epsilon: 0 }), 'ERR_VLPRM_RANGE', 'adamw.epsilon'],
    [(x) => ({ ...x, weightDecay: NaN }), 'ERR_VLPRM_RANGE', 'adamw.weightDecay'],
    [(x) => ({ ...x, maxGradNorm: 0 }), 'ERR_VLPRM_RANGE', 'adamw.maxGradNorm'],
  ],
};

const keys = { offsets: undefined, steps: Int32Array.of(0, 1, 2, 0), stepCount: 3 };
const bits = { outcomes: undefined, bits: Uint8Array.of(5), rollouts: 4 };

const mcLabelsSubject: Subject = {
  ...UNTYPED_OPS.mcLabels,
  refusals: [
    [() => 3, 'ERR_VLPRM_TYPE', 'mcLabels'],
    [(x) => ({ ...x, outcomes: Int8Array.of(0, 1, 2, 3) }), 'ERR_VLPRM_TYPE', 'mcLabels.outcomes'],
    [(x) => ({ ...x, outcomes: Uint8Array.of(0, 1, 9, 3) }), 'ERR_VLPRM_OUTCOME', 'mcLabels.outcomes[2]'],
    [(x) => ({ ...x, offsets: Int32Array.of(0, 3) }), 'ERR_VLPRM_SEGMENTS', 'mcLabels.offsets[1]'],
    [(x) => ({ ...x, threshold: { numerator: 1, denominator: 1 } }), 'ERR_VLPRM_RANGE', 'mcLabels.threshold.numerator'],
    [
      (x) => ({ ...x, threshold: { numerator: 0, denominator: 0 } }),
      'ERR_VLPRM_RANGE',
      'mcLabels.threshold.denominator',
    ],
    [(x) => ({ ...x, threshold: 0.5 }), 'ERR_VLPRM_TYPE', 'mcLabels.threshold'],
    [(x) => ({ ...x, interval: 'wilson' }), 'ERR_VLPRM_TYPE', 'mcLabels.interval'],
    [(x) => ({ ...x, interval: { kind: 'wald' } }), 'ERR_VLPRM_TYPE', 'mcLabels.interval.kind'],
    [(x) => ({ ...x, interval: { kind: 'wilson', z: 0 } }), 'ERR_VLPRM_RANGE', 'mcLabels.interval.z'],
    [(x) => ({ ...x, interval: { kind: 'beta', mass: 1 } }), 'ERR_VLPRM_RANGE', 'mcLabels.interval.mass'],
    [(x) => ({ ...x, interval: { kind: 'beta', prior: 1 } }), 'ERR_VLPRM_TYPE', 'mcLabels.interval.prior'],
    [
      (x) => ({ ...x, interval: { kind: 'beta', prior: { alpha: 0, beta: 1 } } }),
      'ERR_VLPRM_RANGE',
      'mcLabels.interval.prior.alpha',
    ],
    [(x) => ({ ...x, offsets: undefined }), 'ERR_VLPRM_TYPE', 'mcLabels'],
    [(x) => ({ ...x, steps: Int32Array.of(0, 1, 1, 0) }), 'ERR_VLPRM_TYPE', 'mcLabels'],
    [(x) => ({ ...x, bits: Uint8Array.of(3) }), 'ERR_VLPRM_TYPE', 'mcLabels'],
    [(x) => ({ ...x, ...keys, stepCount: 2 }), 'ERR_VLPRM_POSITION', 'mcLabels.steps[2]'],
    [(x) => ({ ...x, ...keys, stepCount: -1 }), 'ERR_VLPRM_RANGE', 'mcLabels.stepCount'],
    [(x) => ({ ...x, ...keys, steps: Int32Array.of(0) }), 'ERR_VLPRM_SHAPE', 'mcLabels.steps'],
    [(x) => ({ ...x, ...keys, outcomes: Uint8Array.of(0, 4, 1, 4) }), 'ERR_VLPRM_OUTCOME', 'mcLabels.outcomes[1]'],
    [(x) => ({ ...x, ...bits, rollouts: 9 }), 'ERR_VLPRM_SHAPE', 'mcLabels.bits'],
    [(x) => ({ ...x, ...bits, rollouts: 5 }), 'ERR_VLPRM_SEGMENTS', 'mcLabels.offsets[3]'],
    [(x) => ({ ...x, ...bits, bits: [3] }), 'ERR_VLPRM_TYPE', 'mcLabels.bits'],
  ],
};

const waveRefusals: Subject['refusals'] = [
  [(x) => ({ ...x, batch: {} }), 'ERR_VLPRM_TYPE', 'batch'],
  [(x) => ({ ...x, trees: [0, 1] }), 'ERR_VLPRM_TYPE', 'trees'],
  [(x) => ({ ...x, trees: Int32Array.of(0, 2) }), 'ERR_VLPRM_POSITION', 'trees[1]'],
  [(x) => ({ ...x, trees: Int32Array.of(1, 0) }), 'ERR_VLPRM_POSITION', 'trees[1]'],
  [(x) => ({ ...x, trees: Int32Array.of(-1, 1) }), 'ERR_VLPRM_POSITION', 'trees[0]'],
  [(x) => ({ ...x, trees: resizable('i32', 2) }), 'ERR_VLPRM_RESIZABLE', 'trees'],
];

const leafRefusals: Subject['refusals'] = [
  ...waveRefusals,
  [(x) => ({ ...x, leaves: Int32Array.of(1) }), 'ERR_VLPRM_SHAPE', 'leaves'],
  [(x) => ({ ...x, leaves: Int32Array.of(1, 3) }), 'ERR_VLPRM_POSITION', 'leaves[1]'],
  [(x) => ({ ...x, leaves: Int32Array.of(-2, 1) }), 'ERR_VLPRM_POSITION', 'leaves[0]'],
  [(x) => ({ ...x, leaves: Float32Array.of(1, 1) }), 'ERR_VLPRM_TYPE', 'leaves'],
];

function within(op: string, refusals: Subject['refusals']): Subject['refusals'] {
  return refusals.map(([change, code, where]) => [change, code, `${op}.${where}`] as const);
}

const selectRefusals: Subject['refusals'] = [
  ...waveRefusals,
  [(x) => ({ ...x, leavesPerTree: 0 }), 'ERR_VLPRM_RANGE', 'leavesPerTree'],
  [(x) => ({ ...x, leavesPerTree: 2 ** 16 + 1 }), 'ERR_VLPRM_RANGE', 'leavesPerTree'],
  [(x) => ({ ...x, nodeValue: 'median' }), 'ERR_VLPRM_TYPE', 'nodeValue'],
  [(x) => ({ ...x, virtualValue: -1.5 }), 'ERR_VLPRM_RANGE', 'virtualValue'],
  [(x) => ({ ...x, childrenPerLeaf: -1 }), 'ERR_VLPRM_RANGE', 'childrenPerLeaf'],
  [(x) => ({ ...x, c: NaN, cInit: undefined, cBase: undefined }), 'ERR_VLPRM_RANGE', 'c'],
];

const puctSelectSubject: Subject = {
  ...UNTYPED_OPS.puctSelect,
  refusals: [
    [() => null, 'ERR_VLPRM_TYPE', 'puctSelect'],
    ...within('puctSelect', [
      ...selectRefusals,
      [(x) => ({ ...x, c: 1 }), 'ERR_VLPRM_TYPE', 'c'],
      [(x) => ({ ...x, cInit: -1 }), 'ERR_VLPRM_RANGE', 'cInit'],
      [(x) => ({ ...x, cBase: 0 }), 'ERR_VLPRM_RANGE', 'cBase'],
      [(x) => ({ ...x, firstPlay: 'parent' }), 'ERR_VLPRM_TYPE', 'firstPlay'],
      [(x) => ({ ...x, firstPlay: 2 }), 'ERR_VLPRM_RANGE', 'firstPlay'],
      [(x) => ({ ...x, firstPlay: {} }), 'ERR_VLPRM_TYPE', 'firstPlay.belowParent'],
    ]),
  ],
};

const uctSelectSubject: Subject = {
  ...UNTYPED_OPS.uctSelect,
  refusals: [[() => 1, 'ERR_VLPRM_TYPE', 'uctSelect'], ...within('uctSelect', selectRefusals)],
};

const expandNodesSubject: Subject = {
  ...UNTYPED_OPS.expandNodes,
  refusals: [
    [() => undefined, 'ERR_VLPRM_TYPE', 'expandNodes'],
    ...within('expandNodes', [
      ...leafRefusals,
      [(x) => ({ ...x, childOffsets: Int32Array.of(0, 3) }), 'ERR_VLPRM_SHAPE', 'childOffsets'],
      [(x) => ({ ...x, childOffsets: Int32Array.of(0, 2, 4) }), 'ERR_VLPRM_SEGMENTS', 'childOffsets[2]'],
      [(x) => ({ ...x, childOffsets: Int32Array.of(0, 4, 3) }), 'ERR_VLPRM_SEGMENTS', 'childOffsets[2]'],
      [(x) => ({ ...x, priors: Float32Array.of(0, 1, 1.5) }), 'ERR_VLPRM_RANGE', 'priors[2]'],
      [(x) => ({ ...x, priors: Float32Array.of(NaN, 1, 0) }), 'ERR_VLPRM_RANGE', 'priors[0]'],
      [
        (x) => ({ ...x, childOffsets: Int32Array.of(0, 4, 4), priors: new Float32Array(4) }),
        'ERR_VLPRM_CAPACITY',
        'childOffsets[1]',
      ],
    ]),
  ],
};

const valueBackupSubject: Subject = {
  ...UNTYPED_OPS.valueBackup,
  refusals: [
    [() => 'leaves', 'ERR_VLPRM_TYPE', 'valueBackup'],
    ...within('valueBackup', [
      ...leafRefusals,
      [(x) => ({ ...x, leaves: Int32Array.of(2, 1), values: new Float64Array(2) }), 'ERR_VLPRM_PENDING', 'leaves[0]'],
      [(x) => ({ ...x, values: Float32Array.of(0, 0) }), 'ERR_VLPRM_TYPE', 'values'],
      [(x) => ({ ...x, values: new Float64Array(3) }), 'ERR_VLPRM_SHAPE', 'values'],
      [(x) => ({ ...x, values: Float64Array.of(1.5, 0) }), 'ERR_VLPRM_RANGE', 'values[0]'],
      [(x) => ({ ...x, values: Float64Array.of(NaN, 0) }), 'ERR_VLPRM_RANGE', 'values[0]'],
      [(x) => ({ ...x, discount: 1.1 }), 'ERR_VLPRM_RANGE', 'discount'],
      [(x) => ({ ...x, selected: 1 }), 'ERR_VLPRM_TYPE', 'selected'],
    ]),
  ],
};

const SUBJECTS = {
  stepScore: stepScoreSubject,
  stepLoss: stepLossSubject,
  adamw: adamwSubject,
  mcLabels: mcLabelsSubject,
  puctSelect: puctSelectSubject,
  uctSelect: uctSelectSubject,
  expandNodes: expandNodesSubject,
  valueBackup: valueBackupSubject,
};
const AVAILABLE = backends()
  .filter(({ name, available }) => available && name !== 'cuda')
  .map(({ name }) => name);

describe.each(Object.entries(SUBJECTS))('%s', (_, { call, valid, refusals }) => {
  test.each(AVAILABLE)('accepts what the refusals are changed from (%s)', (backend) => {
    expect(() => call(valid(), { backend })).not.toThrow();
  });

  test.each(refusals.map(([change, code, where]) => ({ change, code, where })))(
    '$where: $code',
    ({ change, code, where }) => {
      for (const backend of AVAILABLE) {
        const attempt = () => call(change(valid()), { backend });
        expect(attempt).toThrow(NativeError);
        expect(attempt).toThrow(expect.objectContaining({ code, where }));
      }
    },
  );

  test('refuses a backend that does not exist, and options that are none', () => {
    expect(() => call(valid(), { backend: 'tpu' })).toThrow(
      expect.objectContaining({
        code: 'ERR_VLPRM_TYPE',
        where: expect.stringMatching(/\.options\.backend$/) as string,
      }),
    );
    expect(() => call(valid(), 'cpu')).toThrow(expect.objectContaining({ code: 'ERR_VLPRM_TYPE' }));
  });
});

test('an index list in shared memory is copied, so that no thread can change it after the check', () => {
  const positions = new Int32Array(new SharedArrayBuffer(8));
  const input = {
    hidden: Float32Array.of(1, 2),
    dtype: 'f32' as const,
    width: 1,
    labelRows: { rows: Float32Array.of(1, 0) },
  };
  const plan = planStepScore({ ...input, positions });
  positions[1] = 1_000_000;
  expect([...(plan.positions ?? [])]).toEqual([0, 0]);
});

test('a getter is read once, so that it cannot pass the check with one answer and reach the kernel with another', () => {
  let reads = 0;
  const input = {
    hidden: new Uint16Array(4),
    get dtype() {
      reads += 1;
      return reads === 1 ? ('bf16' as const) : ('f32' as const);
    },
    width: 2,
    labelRows: { rows: new Float32Array(4) },
  };
  expect(planStepScore(input).dtype).toBe('bf16');
});
