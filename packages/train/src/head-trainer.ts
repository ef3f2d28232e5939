import {
  activeBackend,
  adamw,
  DeviceBuffer,
  stepHeadSize,
  stepLoss,
  type AdamWState,
  type BackendName,
  type StepHead,
} from '@vlprm/native-cuda';
import { createRandom, seedFrom, startStage, throwIfAborted, VlprmError, type Events } from '@vlprm/core/runtime';
import { setImmediate } from 'node:timers/promises';
import type { TrainOptions } from './options.ts';
import type { TrainingRow } from './rows.ts';
import { fitStandardization, foldStandardization, standardize } from './standardization.ts';

export type HeadOptions = Pick<
  TrainOptions,
  | 'seed'
  | 'hiddenSize'
  | 'loss'
  | 'labelSmoothing'
  | 'learningRate'
  | 'weightDecay'
  | 'batchSize'
  | 'epochs'
  | 'patience'
>;

export interface HeadTrainingInput {
  /** [rows × width] raw features. */
  readonly features: Float32Array;
  readonly width: number;
  readonly training: readonly TrainingRow[];
  readonly validation: readonly TrainingRow[];
  readonly options: HeadOptions;
  readonly signal?: AbortSignal;
  /** Told about the stage `train`, one unit an epoch. */
  readonly events?: Events;
  readonly backend?: BackendName;
}

export interface EpochLosses {
  readonly trainingLoss: number;
  readonly validationLoss: number;
}

export interface TrainedHead {
  /** Reads raw features: the standardisation is folded in. */
  readonly head: StepHead;
  readonly epochs: readonly EpochLosses[];
  /** 0-based epoch that the head is from. */
  readonly bestEpoch: number;
}

interface Batchable {
  readonly features: Float32Array | DeviceBuffer<Float32Array>;
  readonly targets: Float32Array;
  readonly weights: Float32Array;
}

/**
 * Trains a step head by mini-batches with AdamW under a linearly falling rate, and returns the one of the epoch with the
 * lowest validation loss. Standardisation comes from the training rows. The result depends on the input and seed alone.
 * Throws ERR_DATASET_INVALID when a side is empty or the training targets are all the same, ERR_ABORTED.
 */
export async function trainHead(input: HeadTrainingInput): Promise<TrainedHead> {
  const { features, width, options, signal, events } = input;
  requireBothClasses(input.training, input.validation);
  const standardization = fitStandardization(features, width, input.training);
  const gather = (rows: readonly TrainingRow[]): Batchable => ({
    features: standardize(features, rows, standardization),
    targets: Float32Array.from(rows, ({ target }) => target),
    weights: Float32Array.from(rows, ({ weight }) => weight),
  });
  using run = new HeadRun(gather(input.training), gather(input.validation), width, options, input.backend);
  const stage = events === undefined ? null : startStage(events, 'train', { total: options.epochs });
  const losses: EpochLosses[] = [];
  let best = { epoch: -1, validationLoss: Infinity, parameters: run.head.parameters };
  for (let epoch = 0; epoch < options.epochs && epoch - best.epoch <= options.patience; epoch++) {
    throwIfAborted(signal);
    const trainingLoss = run.trainEpoch(epoch);
    const validationLoss = run.validationLoss();
    losses.push({ trainingLoss, validationLoss });
    if (validationLoss < best.validationLoss) best = { epoch, validationLoss, parameters: run.head.parameters.slice() };
    stage?.advance();
    await setImmediate();
  }
  if (best.epoch < 0) {
    throw new VlprmError('ERR_MODEL_FAILED', 'the loss is not finite', {
      where: 'head training',
      fix: 'lower the learning rate',
    });
  }
  const head = foldStandardization({ ...run.head, parameters: best.parameters }, standardization);
  return { head, epochs: losses, bestEpoch: best.epoch };
}

/** ERR_DATASET_INVALID unless there are right and wrong rows to train on, and rows to validate on. */
export function requireBothClasses(training: readonly TrainingRow[], validation: readonly TrainingRow[]): void {
  const fail = (what: string): never => {
    throw new VlprmError('ERR_DATASET_INVALID', what, {
      where: 'training data',
      fix: 'label more traces, of more problems',
    });
  };
  if (!training.some(({ target }) => target === 1)) fail('no right step to train on');
  if (!training.some(({ target }) => target === 0)) fail('no wrong step to train on');
  if (validation.length === 0) fail('no labelled trace falls into the validation split');
}

/** A side whose features stay on the device from epoch to epoch, where that is where they are computed with. */
function resident(side: Batchable, backend: BackendName | undefined): Batchable {
  if ((backend ?? activeBackend()) !== 'cuda' || side.features instanceof DeviceBuffer) return side;
  return { ...side, features: DeviceBuffer.from(side.features, { backend: 'cuda' }) };
}

/** The state of one training run; it holds memory of the device until it is disposed. */
class HeadRun {
  readonly head: StepHead;
  readonly #training: Batchable;
  readonly #validation: Batchable;
  readonly #options: HeadOptions;
  readonly #backend: { backend?: BackendName };
  readonly #gradient: Float32Array;
  readonly #state: AdamWState;
  readonly #order: Int32Array;

  constructor(
    training: Batchable,
    validation: Batchable,
    width: number,
    options: HeadOptions,
    backend: BackendName | undefined,
  ) {
    this.#training = resident(training, backend);
    this.#validation = resident(validation, backend);
    this.#options = options;
    this.#backend = backend === undefined ? {} : { backend };
    this.head = initialHead(width, options.hiddenSize, options.seed);
    const size = this.head.parameters.length;
    this.#gradient = new Float32Array(size);
    this.#state = { firstMoment: new Float32Array(size), secondMoment: new Float32Array(size), step: 0 };
    this.#order = Int32Array.from(training.targets, (_, row) => row);
  }

  /** One pass over the training rows in a fresh order; returns their mean loss. */
  trainEpoch(epoch: number): number {
    const { batchSize, epochs, learningRate, weightDecay, seed } = this.#options;
    shuffleInPlace(this.#order, seedFrom('order', seed, epoch));
    const batches = Math.ceil(this.#order.length / batchSize);
    let [lossSum, weightSum] = [0, 0];
    for (let batch = 0; batch < batches; batch++) {
      const rows = this.#order.subarray(batch * batchSize, (batch + 1) * batchSize);
      const result = this.#loss(this.#training, rows);
      lossSum += result.loss * result.weightSum;
      weightSum += result.weightSum;
      const done = (epoch * batches + batch) / (epochs * batches);
      const step = { parameters: this.head.parameters, gradient: this.#gradient, state: this.#state };
      adamw({ ...step, learningRate: learningRate * (1 - done), weightDecay }, this.#backend);
    }
    return lossSum / weightSum;
  }

  validationLoss(): number {
    return this.#loss(this.#validation).loss;
  }

  [Symbol.dispose](): void {
    for (const { features } of [this.#training, this.#validation]) {
      if (features instanceof DeviceBuffer) features.dispose();
    }
  }

  #loss(side: Batchable, rowIndices?: Int32Array): { loss: number; weightSum: number } {
    const { loss, labelSmoothing } = this.#options;
    const { head } = this;
    const input = { ...side, width: head.inputSize, rowIndices, head, loss, labelSmoothing, gradient: this.#gradient };
    return stepLoss(input, this.#backend);
  }
}

/** He initialisation of the hidden layer (He et al. 2015, arXiv 1502.01852), output of variance 1, biases 0. */
function initialHead(inputSize: number, hiddenSize: number, seed: number): StepHead {
  const random = createRandom(seedFrom('head', seed));
  const parameters = new Float32Array(stepHeadSize(inputSize, hiddenSize));
  const fill = (from: number, count: number, deviation: number): void => {
    for (let i = from; i < from + count; i++) parameters[i] = deviation * random.normal();
  };
  if (hiddenSize === 0) return { inputSize, hiddenSize, parameters };
  fill(0, hiddenSize * inputSize, Math.sqrt(2 / inputSize));
  fill(hiddenSize * inputSize + hiddenSize, hiddenSize, Math.sqrt(1 / hiddenSize));
  return { inputSize, hiddenSize, parameters };
}

function shuffleInPlace(order: Int32Array, seed: number): void {
  const random = createRandom(seed);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
}
