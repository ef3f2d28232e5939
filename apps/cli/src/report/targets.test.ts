import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reportSchema, type Report } from './report-schema.ts';
import { targetsOf } from './targets.ts';

function fixture(): Report {
  return reportSchema.parse(JSON.parse(readFileSync(new URL('./fixtures/report.json', import.meta.url), 'utf8')));
}

function verdict(id: string, change: (report: Report) => void): boolean | undefined {
  const report = fixture();
  change(report);
  return targetsOf(report).find((target) => target.id === id)?.passed;
}

describe('targetsOf', () => {
  it('reaches every target of a report that meets them all', () => {
    expect(targetsOf(fixture()).filter((target) => !target.passed)).toEqual([]);
  });

  it.each<[string, (report: Report) => void]>([
    ['perception-f1', (report) => (report.prm.hybrid.perception.f1 = 0.849)],
    ['perception-f1', (report) => (report.prm.hybrid.perception.f1 = null)],
    ['perception-above-blind', (report) => (report.gates.blind.perceptionF1 = 0.7)],
    ['reasoning-f1', (report) => (report.prm.hybrid.reasoning.f1 = 0.69)],
    ['image-swap', (report) => (report.gates.imageSwap.flaggedBefore = 0.051)],
    ['image-swap', (report) => (report.gates.imageSwap.flagged = 0.94)],
    ['image-edit', (report) => (report.gates.blind.imageEditFlagged = 0.52)],
    ['one-shot', (report) => (report.tts = report.tts.map((row) => ({ ...row, accuracy: 0.7 })))],
    ['weighted-vote', (report) => (report.paired = report.paired.map((row) => ({ ...row, ci95: [-0.001, 0.1] })))],
    ['weighted-vote', (report) => (report.paired = [])],
    [
      'oracle',
      (report) => (report.tts = report.tts.map((row) => (row.strategy === 'one-shot' ? { ...row, accuracy: 1 } : row))),
    ],
    ['labels', (report) => (report.synthesis.common.hybridMinusMc50Ci95 = [0, 0.1])],
    ['coverage', (report) => (report.synthesis.labels.hybrid.coverage = 0.93)],
    ['veto-without-last-step', (report) => (report.synthesis.veto.withoutLastStepEvidence.missedRateDropped = 0.1)],
    ['veto', (report) => (report.synthesis.veto.missedRateDropped = null)],
    ['trained-on-hybrid', (report) => (report.prm.mc0.supervisedSteps += 1)],
    ['trained-on-hybrid', (report) => (report.prm.judge.perception.f1 = 0.97)],
    ['trained-on-hybrid', (report) => (report.prm.mc50.perception.f1 = 0.86)],
    ['world', (report) => (report.gates.world.majority16 = 0.91)],
    ['judge', (report) => (report.gates.world.judgeFirstErrorAccuracy = 0.79)],
    ['novel', (report) => (report.problems.testNovel = 599)],
    ['time', (report) => (report.timings.totalSeconds = 301)],
  ])('misses %s when its figure falls short', (id, change) => {
    expect(verdict(id, change)).toBe(false);
  });

  it('lets a search with candidates of its own pass the oracle of the shared ones', () => {
    const guided = (report: Report) =>
      (report.tts = report.tts.map((row) => (row.strategy === 'guided-greedy' ? { ...row, accuracy: 1 } : row)));
    expect(verdict('oracle', guided)).toBe(true);
  });
});
