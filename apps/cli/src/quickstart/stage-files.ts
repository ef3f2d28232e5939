import { join } from 'node:path';
import { readJsonFile, VlprmError, writeFileAtomic } from '@vlprm/core/runtime';
import type { z } from 'zod';
import { gallerySchema, type Gallery } from '../report/gallery-schema.ts';
import {
  evaluationResultSchema,
  inferenceResultSchema,
  runResultSchema,
  synthesisResultSchema,
  trainingResultSchema,
  type EvaluationResult,
  type InferenceResult,
  type RunResult,
  type SynthesisResult,
  type TrainingResult,
} from '../report/stage-results.ts';

interface StageValues {
  run: RunResult;
  synthesis: SynthesisResult;
  training: TrainingResult;
  evaluation: EvaluationResult;
  inference: InferenceResult;
  gallery: Gallery;
}
type StageFile = keyof StageValues;

const SCHEMAS: { readonly [Name in StageFile]: z.ZodType<StageValues[Name]> } = {
  run: runResultSchema,
  synthesis: synthesisResultSchema,
  training: trainingResultSchema,
  evaluation: evaluationResultSchema,
  inference: inferenceResultSchema,
  gallery: gallerySchema,
};

function pathOf(runFolder: string, name: StageFile): string {
  return join(runFolder, 'stages', `${name}.json`);
}

/** Keeps what a stage measured. */
export async function writeStage<Name extends StageFile>(
  runFolder: string,
  name: Name,
  value: StageValues[Name],
): Promise<void> {
  await writeFileAtomic(pathOf(runFolder, name), `${JSON.stringify(value)}\n`);
}

/** What a stage of the run measured. ERR_FILE_MISSING when the run has not come that far. */
export async function readStage<Name extends StageFile>(runFolder: string, name: Name): Promise<StageValues[Name]> {
  try {
    return await readJsonFile(pathOf(runFolder, name), SCHEMAS[name]);
  } catch (error) {
    if (!VlprmError.is(error) || error.code !== 'ERR_FILE_MISSING') throw error;
    throw new VlprmError('ERR_FILE_MISSING', `the run has no ${name} result`, {
      where: pathOf(runFolder, name),
      fix: 'finish it with the same `vlprm quickstart` command, then report',
      cause: error,
    });
  }
}
