import { writePrmBundle, readBaseModel, readGroupsSeen } from '@vlprm/core/models';
import { StepReader } from '@vlprm/core/models/onnx';
import type { PrmBundle, Trace } from '@vlprm/core/records';
import { contentHash, throwIfAborted, VlprmError, type Events } from '@vlprm/core/runtime';
import { activeBackend, type BackendName } from '@vlprm/native-cuda';
import { readTraceFeatures, type ImageLoader, type TraceFeatures } from './features.ts';
import { requireBothClasses, trainHead, type EpochLosses } from './head-trainer.ts';
import { resolveTrainOptions, type TrainOptions, type TrainOptionsInput } from './options.ts';
import {
  assembleRows,
  balanceClasses,
  countSupervisedSteps,
  isKept,
  limitSupervisedSteps,
  semanticsOf,
  splitByGroup,
  type Split,
} from './rows.ts';
import { readValidation } from './validation.ts';

/** What a training run works on and where it puts the result. */
export interface TrainBundleInput {
  /** Labelled traces; those that consensus dropped are left out. */
  readonly traces: readonly Trace[];
  /** Folder of the vision-language base. */
  readonly baseDir: string;
  /** Folder of the bundle; replaced when it exists. */
  readonly out: string;
  readonly name?: string;
  readonly options?: TrainOptionsInput;
  /** Licences of the data, for the manifest. */
  readonly licenses?: readonly string[];
  readonly signal?: AbortSignal;
  /** Told about the stages `read` and `train`. */
  readonly events?: Events;
  readonly backend?: BackendName;
}

export interface TrainPrmInput extends TrainBundleInput {
  readonly images: ImageLoader;
  /** Worker threads of the base. */
  readonly threads?: number;
}

export interface TrainedBundle {
  readonly manifest: PrmBundle;
  readonly epochs: readonly EpochLosses[];
  readonly bestEpoch: number;
}

/**
 * Trains a PRM on labelled traces and writes its bundle: reads features through the base, trains the head, calibrates it
 * and chooses thresholds on the validation split by the traces' own labels.
 * Throws ERR_CONFIG, ERR_DATASET_INVALID, ERR_RANGE, ERR_ABORTED; else as `StepReader`.
 */
export async function trainPrm(input: TrainPrmInput): Promise<TrainedBundle> {
  const options = resolveTrainOptions(input.options);
  requireTrainable(input.traces, options);
  const { blind } = options;
  const reader = await StepReader.open(input.baseDir, {
    blind,
    ...(input.threads === undefined ? {} : { threads: input.threads }),
  });
  try {
    const features = await readTraceFeatures(reader, input.traces.filter(isKept), input.images, {
      ...(input.signal === undefined ? {} : { signal: input.signal }),
      ...(input.events === undefined ? {} : { events: input.events }),
    });
    return await trainFromFeatures({ ...input, features });
  } finally {
    await reader.close();
  }
}

/** `trainPrm` on features that were read before: PRMs under several label rules share one reading. */
export async function trainFromFeatures(
  input: TrainBundleInput & { readonly features: TraceFeatures },
): Promise<TrainedBundle> {
  const { traces, features, signal, events, backend } = input;
  const options = resolveTrainOptions(input.options);
  if (features.blind !== options.blind) {
    throw new VlprmError(
      'ERR_CONFIG',
      `the features are ${features.blind ? '' : 'not '}blind, the options say otherwise`,
      {
        where: 'train options: blind',
        fix: 'read the features with the same setting',
      },
    );
  }
  const semantics = commonSemantics(traces);
  const { training, validation } = trainingSplit(traces, features, options);
  const rows = training.flatMap((trace) => trace.rows);
  const shared = {
    ...(signal === undefined ? {} : { signal }),
    ...(events === undefined ? {} : { events }),
    ...(backend === undefined ? {} : { backend }),
  };
  const trained = await trainHead({
    features: features.features,
    width: features.width,
    training: options.classBalance ? balanceClasses(rows) : rows,
    validation: validation.flatMap((trace) => trace.rows),
    options,
    ...shared,
  });
  throwIfAborted(signal);
  const reading = readValidation({
    ...features,
    ...shared,
    head: trained.head,
    traces: validation,
    gateFalseAlarmRate: options.gateFalseAlarmRate,
  });
  const base = await readBaseModel(input.baseDir);
  const manifest = await writePrmBundle(
    input.out,
    {
      name: input.name ?? `${base.name}-${ruleOf(traces)}${options.blind ? '-blind' : ''}`,
      labelSemantics: semantics,
      labelRule: ruleOf(traces),
      aggregation: 'mean',
      threshold: reading.threshold,
      gateThreshold: reading.gateThreshold,
      temperature: reading.temperature,
      blind: options.blind,
      metrics: {
        ...reading.metrics,
        validationLoss: trained.epochs[trained.bestEpoch]!.validationLoss,
        bestEpoch: trained.bestEpoch,
      },
      supervisedSteps: countSupervisedSteps(training),
      data: { sha256: labelHash(traces), licenses: [...(input.licenses ?? [])] },
      groupsSeen: [
        ...new Set([...(await readGroupsSeen(input.baseDir, base)), ...traces.map(({ groupId }) => groupId)]),
      ],
      seed: options.seed,
      versions: { node: process.versions.node, kernels: backend ?? activeBackend() },
    },
    trained.head,
    input.baseDir,
  );
  return { manifest, epochs: trained.epochs, bestEpoch: trained.bestEpoch };
}

/** Supervised steps that training on these traces would have: the most that `limitSupervisedSteps` may ask for. */
export function availableSupervisedSteps(traces: readonly Trace[], options: TrainOptionsInput = {}): number {
  const resolved = resolveTrainOptions({ ...options, limitSupervisedSteps: null });
  return countSupervisedSteps(trainingSplit(traces, unreadFeatures(traces, resolved), resolved).training);
}

/** Fails before the base reads anything when these traces could not train a head. */
function requireTrainable(traces: readonly Trace[], options: TrainOptions): void {
  commonSemantics(traces);
  const { training, validation } = trainingSplit(traces, unreadFeatures(traces, options), options);
  const rowsOf = (side: Split['training']) => side.flatMap(({ rows }) => rows);
  requireBothClasses(rowsOf(training), rowsOf(validation));
}

/** Stands in for features where only labels matter. */
function unreadFeatures(traces: readonly Trace[], { blind }: TrainOptions): TraceFeatures {
  const firstRow = new Map(traces.map(({ id }) => [id, 0]));
  return { width: 0, features: new Float32Array(0), firstRow, blind, forwards: 0 };
}

function trainingSplit(traces: readonly Trace[], features: TraceFeatures, options: TrainOptions): Split {
  const rows = assembleRows(traces, features, options);
  const { training, validation } = splitByGroup(rows, options.seed, options.validationShare);
  const limit = options.limitSupervisedSteps;
  return { validation, training: limit === null ? training : limitSupervisedSteps(training, limit, options.seed) };
}

/** Labels of different meaning cannot train one head. */
function commonSemantics(traces: readonly Trace[]): PrmBundle['labelSemantics'] {
  const found = new Set(traces.filter(isKept).map(semanticsOf));
  const [semantics, ...others] = found;
  if (semantics !== undefined && others.length === 0) return semantics;
  throw new VlprmError(
    'ERR_DATASET_INVALID',
    found.size === 0 ? 'no trace is kept' : `labels of different semantics: ${[...found].join(', ')}`,
    {
      where: 'training data',
      fix: found.size === 0 ? 'label the traces by another rule' : 'label all traces by one rule',
    },
  );
}

function ruleOf(traces: readonly Trace[]): string {
  const rules = new Set(traces.map(({ consensus }) => consensus?.rule ?? 'given'));
  return [...rules].sort().join('+');
}

/** Hash of what was learned from: trace ids with their labels, in any order. */
function labelHash(traces: readonly Trace[]): string {
  const labelled = traces.filter(isKept).map(({ id, steps }) => [id, ...steps.map(({ label }) => label)] as const);
  return contentHash(labelled.sort(([a], [b]) => (a < b ? -1 : 1)));
}
