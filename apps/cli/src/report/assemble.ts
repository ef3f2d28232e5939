import { findingsOf } from './findings.ts';
import { REPORT_SCHEMA, reportSchema, type Report } from './report-schema.ts';
import type { StageResults } from './stage-results.ts';
import { targetsOf, type Measured } from './targets.ts';

/** What the stages measured, in the report's order. */
function measuredOf({ run, synthesis, training, evaluation, inference }: StageResults): Measured {
  return {
    schema: REPORT_SCHEMA,
    seed: run.seed,
    createdAt: run.createdAt,
    versions: run.versions,
    problems: synthesis.problems,
    synthesis: synthesis.synthesis,
    prm: evaluation.prm,
    gates: {
      world: {
        hash: synthesis.worldHash,
        ...inference.world,
        judgeFirstErrorAccuracy: synthesis.judgeFirstErrorAccuracy,
      },
      blind: evaluation.blind,
      imageSwap: evaluation.imageSwap,
      imageEdit: evaluation.imageEdit,
    },
    tts: inference.tts,
    paired: inference.paired,
    timings: {
      synthesizeSeconds: synthesis.seconds,
      trainSeconds: training.seconds,
      evaluateSeconds: evaluation.seconds,
      inferSeconds: inference.seconds,
      totalSeconds: run.totalSeconds,
    },
    backends: run.backends,
  };
}

/** The report of what the stages measured, with its targets and findings worked out. */
export function assembleReport(results: StageResults): Report {
  const measured = measuredOf(results);
  const targets = targetsOf(measured);
  return reportSchema.parse({
    ...measured,
    gates: { ...measured.gates, targets, passed: targets.every((target) => target.passed) },
    findings: findingsOf(measured),
  } satisfies Report);
}
