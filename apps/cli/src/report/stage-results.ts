import { z } from 'zod';
import { reportSchema } from './report-schema.ts';

const { synthesis, prm, gates, tts, paired, problems, backends, versions, seed } = reportSchema.shape;
const { world, blind, imageSwap, imageEdit } = gates.shape;
const seconds = z.number().nonnegative();

/** What each stage of a quickstart measured, as it stands in `stages/` of the run folder. */
export const synthesisResultSchema = z.object({
  seconds,
  problems,
  synthesis,
  judgeFirstErrorAccuracy: world.shape.judgeFirstErrorAccuracy,
  worldHash: world.shape.hash,
});
export type SynthesisResult = z.infer<typeof synthesisResultSchema>;

export const trainingResultSchema = z.object({
  seconds,
  /** Supervised steps on which every PRM was trained. */
  supervisedSteps: z.int().nonnegative(),
});
export type TrainingResult = z.infer<typeof trainingResultSchema>;

export const evaluationResultSchema = z.object({ seconds, prm, blind, imageSwap, imageEdit });
export type EvaluationResult = z.infer<typeof evaluationResultSchema>;

export const inferenceResultSchema = z.object({
  seconds,
  tts,
  paired,
  world: world.pick({ passAt1: true, majority16: true, oracle16: true }),
});
export type InferenceResult = z.infer<typeof inferenceResultSchema>;

export const runResultSchema = z.object({
  seed,
  createdAt: z.string(),
  versions,
  backends,
  totalSeconds: seconds,
});
export type RunResult = z.infer<typeof runResultSchema>;

export interface StageResults {
  readonly run: RunResult;
  readonly synthesis: SynthesisResult;
  readonly training: TrainingResult;
  readonly evaluation: EvaluationResult;
  readonly inference: InferenceResult;
}
