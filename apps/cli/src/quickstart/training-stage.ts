import { join } from 'node:path';
import { readPrmBundle } from '@vlprm/core/models';
import { applyHead, StepReader } from '@vlprm/core/models/onnx';
import type { ImageRef, PrmBundle, Trace } from '@vlprm/core/records';
import { VlprmError, writeFileAtomic } from '@vlprm/core/runtime';
import type { RunPaths } from '@vlprm/data/storage';
import { availableSupervisedSteps, readTraceFeatures, trainFromFeatures, type TraceFeatures } from '@vlprm/train';
import { predictionsOf } from '../predictions.ts';
import type { RelabelledTraces } from '../report/judged-traces.ts';
import { PRM_RULES, type PrmRule } from '../report/report-schema.ts';
import type { StageContext } from './stage-context.ts';

/** A PRM that a run trains: one per label rule, and the image-blind control. */
export type PrmName = PrmRule | 'blind';

export interface TrainingInput {
  readonly relabelled: RelabelledTraces;
  readonly images: ReadonlyMap<string, Uint8Array>;
  readonly baseFolder: string;
  readonly paths: RunPaths;
  readonly runFolder: string;
  readonly seed: number;
}

export interface TrainedPrms {
  readonly supervisedSteps: number;
  readonly folders: Readonly<Record<PrmName, string>>;
  readonly manifests: Readonly<Record<PrmName, PrmBundle>>;
}

/** Where each PRM of a run lies: the hybrid one is the run's PRM, the others are there for comparison. */
export function prmFolders(paths: RunPaths, runFolder: string): Record<PrmName, string> {
  const comparison = (name: PrmName): string => join(runFolder, 'comparison', name);
  return {
    hybrid: paths.prm,
    mc0: comparison('mc0'),
    mc50: comparison('mc50'),
    judge: comparison('judge'),
    blind: comparison('blind'),
  };
}

async function readFeatures(
  { relabelled, images, baseFolder }: TrainingInput,
  blind: boolean,
  { signal, events }: StageContext,
): Promise<TraceFeatures> {
  const reader = await StepReader.open(baseFolder, { blind });
  const bytesOf = async (image: ImageRef): Promise<Uint8Array> => {
    const bytes = images.get(image.sha256);
    if (bytes !== undefined) return bytes;
    throw new VlprmError('ERR_DATASET_INVALID', 'a trace names a picture that this run did not draw', {
      where: image.path,
    });
  };
  try {
    return await readTraceFeatures(reader, relabelled.mc0, bytesOf, { signal, events });
  } finally {
    await reader.close();
  }
}

/** Scores every step of the run's own traces with its PRM, one row a step: `predictions/dataset.jsonl`. */
async function writePredictions(
  { paths }: TrainingInput,
  traces: readonly Trace[],
  { features, width, firstRow, forwards }: TraceFeatures,
): Promise<void> {
  const bundle = await readPrmBundle(paths.prm);
  const starts = traces.map(({ id }) => firstRow.get(id) as number);
  const rows = {
    features,
    width,
    offsets: Int32Array.of(...starts, features.length / width),
    tokens: new Int32Array(traces.length),
    forwards,
    forwardTokens: 0,
  };
  const lines = applyHead(bundle, rows).flatMap(({ logits, probabilities }, i) => {
    const trace = traces[i] as Trace;
    const steps = trace.steps.length;
    const scores = { logits: logits.subarray(0, steps), probabilities: probabilities.subarray(0, steps) };
    return predictionsOf(trace, scores).map((row) => `${JSON.stringify(row)}\n`);
  });
  await writeFileAtomic(join(paths.predictions, 'dataset.jsonl'), lines);
}

/** The largest number of supervised steps that every rule can give. */
function equalSteps(relabelled: RelabelledTraces, seed: number): number {
  return Math.min(...PRM_RULES.map((rule) => availableSupervisedSteps(relabelled[rule], { seed })));
}

/**
 * Trains a PRM on the labels of each rule, and the hybrid one again without the image, all on the same number of
 * supervised steps and from one reading of the solutions.
 */
export async function runTraining(input: TrainingInput, context: StageContext): Promise<TrainedPrms> {
  const { relabelled, baseFolder, seed } = input;
  const { signal, events } = context;
  const supervisedSteps = equalSteps(relabelled, seed);
  const folders = prmFolders(input.paths, input.runFolder);
  const train = async (name: PrmName, traces: readonly Trace[], features: TraceFeatures): Promise<PrmBundle> => {
    const options = { seed, blind: features.blind, limitSupervisedSteps: supervisedSteps };
    const { manifest } = await trainFromFeatures({
      traces,
      features,
      baseDir: baseFolder,
      out: folders[name],
      options,
      signal,
      events,
    });
    return manifest;
  };
  const sighted = await readFeatures(input, false, context);
  const manifests = {
    hybrid: await train('hybrid', relabelled.hybrid, sighted),
    mc0: await train('mc0', relabelled.mc0, sighted),
    mc50: await train('mc50', relabelled.mc50, sighted),
    judge: await train('judge', relabelled.judge, sighted),
    blind: await train('blind', relabelled.hybrid, await readFeatures(input, true, context)),
  };
  await writePredictions(input, relabelled.mc0, sighted);
  return { supervisedSteps, folders, manifests };
}
