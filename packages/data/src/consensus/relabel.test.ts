import { fc, test as propertyTest } from '@fast-check/vitest';
import type { StepLabel, Trace } from '@vlprm/core/records';
import { describe, expect, it } from 'vitest';
import { plainErrorRates } from '../testing/error-rates.ts';
import { reviewedBy, traceWith, type StepEvidence } from '../testing/traces.ts';
import { readRollouts } from './monte-carlo.ts';
import { stepPosteriors } from './posterior-rule.ts';
import { RULE_NAMES, relabel, relabelTrace, resolveRule } from './relabel.ts';

const good = { correct: 12, incorrect: 4 };
const dead = { incorrect: 16 };

function labelsOf(trace: Trace): StepLabel[] {
  return trace.steps.map((step) => step.label);
}

/** Steps from `[rollouts, verdict]` pairs. */
function steps(...pairs: [StepEvidence['mc'], StepLabel | undefined][]): StepEvidence[] {
  return pairs.map(([mc, judge]) => ({ mc: mc ?? null, judge }));
}

describe('mc0 and mc50', () => {
  it('mc0 calls the first step wrong that no completed rollout survives', () => {
    const labelled = relabelTrace(traceWith(steps([good, 1], [dead, 1], [good, 1])), 'mc0');
    expect(labelsOf(labelled)).toEqual([1, -1, null]);
    expect(labelled.firstError).toBe(1);
    expect(labelled.consensus).toEqual({ rule: 'mc0', semantics: 'first-error', kept: true, reason: 'mc-found-error' });
    expect(labelled.steps[0]?.origin).toBe('mc');
    expect(labelled.steps[0]?.soft).toBe(12.5 / 17);
    expect(labelled.steps[2]).toMatchObject({ label: null, soft: null, origin: null });
  });

  it('mc50 counts a rate of exactly one half as wrong, mc0 does not', () => {
    const trace = traceWith(steps([{ correct: 8, incorrect: 8 }, 1], [good, 1]));
    expect(labelsOf(relabelTrace(trace, 'mc50'))).toEqual([-1, null]);
    expect(labelsOf(relabelTrace(trace, 'mc0'))).toEqual([1, 1]);
  });

  it('counts an unparsable answer as completed and a failed call as no evidence', () => {
    const trace = traceWith(steps([{ correct: 1, failed: 15 }, 1], [{ unparsable: 1, failed: 15 }, 1]));
    expect(labelsOf(relabelTrace(trace, 'mc50'))).toEqual([1, -1]);
  });

  it('gives a step whose every rollout failed no label', () => {
    const labelled = relabelTrace(traceWith(steps([good, 1], [{ failed: 16 }, 1], [good, 1])), 'mc0');
    expect(labelsOf(labelled)).toEqual([1, null, 1]);
    expect(labelled.steps[1]).toMatchObject({ soft: null, origin: null });
    expect(labelled.firstError).toBeNull();
  });

  it('drops a trace without any completed rollout, and one whose end nothing shows to be right', () => {
    const none = relabelTrace(traceWith(steps([{ failed: 16 }, 1], [null, 1])), 'mc0');
    expect(none.consensus).toMatchObject({ kept: false, reason: 'no-mc-evidence' });
    const open = relabelTrace(traceWith(steps([good, 1], [{ failed: 16 }, 1])), 'mc0');
    expect(open.consensus).toMatchObject({ kept: false, reason: 'incomplete-mc-evidence' });
    expect(labelsOf(open)).toEqual([null, null]);
  });
});

describe('judge', () => {
  it('labels up to the first error and ignores rollouts', () => {
    const labelled = relabelTrace(traceWith(steps([dead, 1], [dead, 0], [good, -1], [good, null])), 'judge');
    expect(labelsOf(labelled)).toEqual([1, 0, -1, null]);
    expect(labelled.firstError).toBe(2);
    expect(labelled.steps[0]).toMatchObject({ origin: 'judge', soft: null });
  });

  it('drops a trace that nobody reviewed or that the judge did not finish', () => {
    const dropped = { kept: false, reason: 'no-judge-verdict' };
    expect(relabelTrace(traceWith(steps([good, undefined])), 'judge').consensus).toMatchObject(dropped);
    expect(relabelTrace(traceWith(steps([good, 1], [good, null])), 'judge').consensus).toMatchObject(dropped);
    expect(relabelTrace(traceWith(steps([good, null], [good, -1])), 'judge').consensus).toMatchObject(dropped);
  });

  it('follows the majority of judges and votes', () => {
    const trace = reviewedBy([
      [1, 1, -1],
      [1, 1, 1],
      [1, 0, -1],
    ]);
    expect(labelsOf(relabelTrace(trace, 'judge'))).toEqual([1, 1, -1]);
    expect(relabelTrace(trace, 'hybrid').consensus).toMatchObject({ kept: true, reason: 'judge-incorrect' });
  });

  it('has no verdict from a tie', () => {
    const tied = reviewedBy([
      [1, -1],
      [1, 1],
    ]);
    for (const rule of ['judge', 'union', 'hybrid']) {
      expect(relabelTrace(tied, rule).consensus).toMatchObject({ kept: false, reason: 'judges-tied' });
    }
  });
});

describe('union', () => {
  it('takes the earlier of the two errors', () => {
    const judgeFirst = relabelTrace(traceWith(steps([good, 1], [good, -1], [dead, null])), 'union');
    expect(labelsOf(judgeFirst)).toEqual([1, -1, null]);
    expect(judgeFirst.steps[1]).toMatchObject({ origin: 'judge', soft: null });
    const mcFirst = relabelTrace(traceWith(steps([dead, 1], [good, -1], [good, null])), 'union');
    expect(labelsOf(mcFirst)).toEqual([-1, null, null]);
    expect(mcFirst.steps[0]).toMatchObject({ origin: 'mc', soft: 0.5 / 17 });
    expect(mcFirst.consensus?.reason).toBe('both-found-error');
  });

  it('needs both to have been asked', () => {
    expect(relabelTrace(traceWith(steps([dead, undefined])), 'union').consensus?.reason).toBe('no-judge-verdict');
    expect(relabelTrace(traceWith(steps([null, 1])), 'union').consensus?.reason).toBe('no-mc-evidence');
  });
});

describe('hybrid', () => {
  it('judge incorrect: keeps, labels by the judge, ignores rollouts', () => {
    const labelled = relabelTrace(traceWith(steps([dead, 1], [good, -1], [good, null])), 'hybrid');
    expect(labelsOf(labelled)).toEqual([1, -1, null]);
    expect(labelled.consensus).toMatchObject({ kept: true, reason: 'judge-incorrect' });
    expect(labelled.steps.map((step) => step.soft)).toEqual([null, null, null]);
  });

  it('judge correct and no dead step: keeps all right', () => {
    const labelled = relabelTrace(traceWith(steps([good, 1], [{ correct: 16 }, 1])), 'hybrid');
    expect(labelsOf(labelled)).toEqual([1, 1]);
    expect(labelled.consensus).toMatchObject({ kept: true, reason: 'judge-correct-mc-agrees' });
    expect(labelled.steps[1]).toMatchObject({ origin: 'judge', soft: 16.5 / 17 });
  });

  it('judge correct and a dead step: drops with the reason, and the evidence stays', () => {
    const trace = traceWith(steps([good, 1], [dead, 1]));
    const labelled = relabelTrace(trace, 'hybrid');
    expect(labelled.consensus).toMatchObject({ kept: false, reason: 'judge-correct-mc-disagrees' });
    expect(labelsOf(labelled)).toEqual([null, null]);
    expect(labelled.steps.map((step) => step.mc)).toEqual(trace.steps.map((step) => step.mc));
  });

  it('has no veto from calls that failed', () => {
    const labelled = relabelTrace(traceWith(steps([{ failed: 16 }, 1], [good, 1])), 'hybrid');
    expect(labelled.consensus).toMatchObject({ kept: true, reason: 'judge-correct-mc-agrees' });
    const none = relabelTrace(traceWith(steps([{ failed: 16 }, 1], [{ failed: 16 }, 1])), 'hybrid');
    expect(none.consensus).toMatchObject({ kept: false, reason: 'no-mc-evidence' });
  });

  it('drops a trace without a judge result', () => {
    expect(relabelTrace(traceWith(steps([good, undefined])), 'hybrid').consensus).toMatchObject({
      kept: false,
      reason: 'no-judge-verdict',
    });
  });

  it('tau moves the veto', () => {
    const trace = traceWith(steps([{ correct: 4, incorrect: 12 }, 1]));
    expect(relabelTrace(trace, 'hybrid', { threshold: 0.2 }).consensus?.kept).toBe(true);
    expect(relabelTrace(trace, 'hybrid', { threshold: 0.25 }).consensus?.kept).toBe(false);
  });
});

describe('steps that were not estimated', () => {
  it('are right under threshold 0 when a later step was completed to the right answer', () => {
    const found = relabelTrace(traceWith(steps([null, 1], [good, 1], [null, 1], [dead, 1])), 'mc0');
    expect(labelsOf(found)).toEqual([1, 1, null, -1]);
    expect(found.steps[0]).toMatchObject({ label: 1, soft: null, origin: 'mc' });
    const clean = relabelTrace(traceWith(steps([null, 1], [null, 1], [{ correct: 1 }, 1])), 'mc0');
    expect(labelsOf(clean)).toEqual([1, 1, 1]);
  });

  it('have no label under another threshold', () => {
    const trace = traceWith(steps([null, 1], [{ correct: 16 }, 1]));
    expect(labelsOf(relabelTrace(trace, 'mc50'))).toEqual([null, 1]);
    expect(labelsOf(relabelTrace(trace, 'mc0', { threshold: 0.25 }))).toEqual([null, 1]);
  });

  it('are not the steps whose every rollout failed', () => {
    const trace = traceWith(steps([{ failed: 16 }, 1], [null, 1], [good, 1]));
    expect(labelsOf(relabelTrace(trace, 'mc0'))).toEqual([null, 1, 1]);
  });

  it('do not hide the first error from hybrid and union', () => {
    const trace = traceWith(steps([null, 1], [good, 1], [dead, 1], [null, 1]));
    expect(relabelTrace(trace, 'hybrid').consensus?.reason).toBe('judge-correct-mc-disagrees');
    expect(labelsOf(relabelTrace(trace, 'union'))).toEqual([1, 1, -1, null]);
  });
});

describe('agreement', () => {
  it('keeps what every reading and the rollouts say alike', () => {
    const found = relabelTrace(traceWith(steps([good, 0], [dead, -1], [dead, null])), 'agreement');
    expect(found.consensus).toMatchObject({ kept: true, reason: 'all-found-error' });
    expect(labelsOf(found)).toEqual([0, -1, null]);
    expect(found.steps[1]).toMatchObject({ soft: 0.5 / 17, origin: 'consensus' });
    const clean = relabelTrace(traceWith(steps([good, 1], [null, 1], [good, 1])), 'agreement');
    expect(clean.consensus).toMatchObject({ kept: true, reason: 'all-no-error' });
    expect(labelsOf(clean)).toEqual([1, 1, 1]);
  });

  it.each([
    ['the rollouts find another error', steps([dead, 1], [dead, -1]), 'judges-and-mc-disagree'],
    ['the rollouts find none', steps([good, 1], [good, -1]), 'judges-and-mc-disagree'],
    [
      'the rollouts cannot say which step is the first',
      steps([{ failed: 9 }, 1], [dead, -1]),
      'incomplete-mc-evidence',
    ],
    ['the rollouts do not reach the end', steps([good, 1], [null, 1]), 'incomplete-mc-evidence'],
    ['there are no rollouts', steps([null, 1], [null, 1]), 'no-mc-evidence'],
    ['nobody reviewed', steps([good, undefined]), 'no-judge-verdict'],
  ])('drops where %s', (_, evidence, reason) => {
    expect(relabelTrace(traceWith(evidence), 'agreement').consensus).toMatchObject({ kept: false, reason });
  });

  it('drops where one of three votes differs', () => {
    const verdicts: StepLabel[] = [1, -1];
    expect(relabelTrace(reviewedBy([verdicts, verdicts, [1, 1]]), 'agreement').consensus).toMatchObject({
      kept: false,
      reason: 'judges-disagree',
    });
  });
});

describe('posterior', () => {
  const withSiblings = plainErrorRates({ siblings: true });
  const options = { errorRates: withSiblings };

  it('labels up to the first step that is more likely wrong, with probabilities and a confidence', () => {
    const labelled = relabelTrace(traceWith(steps([good, 1], [dead, -1], [dead, null])), 'posterior', options);
    expect(labelsOf(labelled)).toEqual([1, -1, null]);
    expect(labelled.consensus).toMatchObject({ rule: 'posterior', kept: true, reason: 'posterior-found-error' });
    expect(labelled.consensus?.confidence).toBeGreaterThan(0.9);
    expect(labelled.steps[0]?.soft).toBeGreaterThan(0.9);
    expect(labelled.steps[1]).toMatchObject({ origin: 'consensus' });
    expect(labelled.steps[1]?.soft).toBeLessThan(0.1);
  });

  it('needs one source, whichever: rollouts, or a judge with rates', () => {
    const clean = { kept: true, reason: 'posterior-no-error' };
    expect(relabelTrace(traceWith(steps([null, 1], [null, 1])), 'posterior', options).consensus).toMatchObject(clean);
    const unjudged = traceWith(steps([good, undefined], [{ correct: 16 }, undefined]));
    expect(relabelTrace(unjudged, 'posterior', options).consensus).toMatchObject(clean);
    const failed = traceWith(steps([{ failed: 16 }, undefined], [null, undefined]));
    expect(relabelTrace(failed, 'posterior', options).consensus).toMatchObject({ kept: false, reason: 'no-evidence' });
  });

  it('takes the own answer of a solution for a rollout of its last step', () => {
    const confidence = (outcome: Trace['outcome']): number =>
      relabelTrace(traceWith(steps([null, 1], [null, 1]), { outcome }), 'posterior', options).steps[1]?.soft ?? 0;
    expect(confidence('correct')).toBeGreaterThan(confidence('failed'));
    expect(confidence('incorrect')).toBeLessThan(confidence('failed'));
  });

  it('believes a step more that the other solutions of the problem take as well', () => {
    const solution = (id: string, texts: string[]): Trace => {
      return { ...traceWith(texts.map((text) => ({ text, mc: { correct: 8, incorrect: 8 } }))), id };
    };
    const traces = [
      solution('a', ['x', 'y']),
      solution('b', ['x', 'y']),
      solution('c', ['x', 'z']),
      solution('d', ['w', 'y']),
    ];
    const [common, , rare, lonely] = stepPosteriors(traces, withSiblings);
    expect(common?.[0]).toBeGreaterThan(lonely?.[0] ?? 1);
    expect(common?.[1]).toBeGreaterThan(rare?.[1] ?? 1);
    expect(stepPosteriors(traces, withSiblings)[0]).toEqual(common);
    const other = { ...solution('e', ['w', 'y']), problemId: 'problem-1' };
    expect(stepPosteriors([...traces, other], withSiblings).slice(0, 4)).toEqual(stepPosteriors(traces, withSiblings));
  });

  it('has no labels without error rates', () => {
    expect(() => relabelTrace(traceWith(steps([good, 1])), 'posterior')).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    );
  });
});

describe('rule names and thresholds', () => {
  it('a threshold without a name is plain mc', () => {
    expect(resolveRule('mc0', 0.3)).toEqual({ name: 'mc', threshold: 0.3 });
    expect(resolveRule('mc50', 0)).toEqual({ name: 'mc0', threshold: 0 });
    expect(resolveRule('mc', 0.5)).toEqual({ name: 'mc50', threshold: 0.5 });
    expect(resolveRule('judge')).toEqual({ name: 'judge', threshold: null });
  });

  it.each([
    ['majority', undefined, 'ERR_USAGE'],
    ['judge', 0.5, 'ERR_USAGE'],
    ['hybrid', 1, 'ERR_RANGE'],
    ['hybrid', -0.1, 'ERR_RANGE'],
    ['mc0', Number.NaN, 'ERR_RANGE'],
  ])('refuses rule %s with threshold %s', (rule, threshold, code) => {
    expect(() => resolveRule(rule, threshold)).toThrow(expect.objectContaining({ code }));
  });
});

const rollouts = fc
  .tuple(fc.nat(16), fc.nat(16), fc.nat(4), fc.nat(16))
  .map(([correct, incorrect, unparsable, failed]) => ({ correct, incorrect, unparsable, failed, budget: 64 }));
const evidence = fc.record({
  mc: fc.option(fc.oneof(rollouts, fc.constant({ failed: 16 }), fc.constant({ incorrect: 16 })), { nil: null }),
  judge: fc.constantFrom<StepLabel | undefined>(1, 1, 1, 0, -1, null, undefined),
});
const anyTrace = fc.array(evidence, { minLength: 1, maxLength: 9 }).map((list) => traceWith(list));
const anyRule = fc.constantFrom(...RULE_NAMES);

/** Without siblings every rule decides on each trace by itself. */
const errorRates = plainErrorRates({ siblings: false });

describe('every rule', () => {
  propertyTest.prop([anyTrace, anyRule])(
    'supervises nothing after the first error and nothing that it drops',
    (trace, rule) => {
      const labelled = relabelTrace(trace, rule, { errorRates });
      const labels = labelsOf(labelled);
      const first = labels.indexOf(-1);
      expect(labelled.firstError).toBe(first < 0 ? null : first);
      if (first >= 0) expect(labels.slice(first + 1).every((label) => label === null)).toBe(true);
      if (labelled.consensus?.kept === false) expect(labels.every((label) => label === null)).toBe(true);
      for (const step of labelled.steps) expect(step.label === null).toBe(step.origin === null);
    },
  );

  propertyTest.prop([anyTrace, anyRule, fc.nat(40)])('never turns failed calls into labels', (trace, rule, more) => {
    const withFailures: Trace = {
      ...trace,
      steps: trace.steps.map((step) => ({
        ...step,
        mc: step.mc === null ? null : { ...step.mc, failed: step.mc.failed + more },
      })),
    };
    expect(labelsOf(relabelTrace(withFailures, rule, { errorRates }))).toEqual(
      labelsOf(relabelTrace(trace, rule, { errorRates })),
    );
  });

  propertyTest.prop([fc.array(anyTrace, { maxLength: 8 }), anyRule])(
    'labels a batch as it labels each trace',
    (traces, rule) => {
      expect(relabel(traces, rule, { errorRates })).toEqual(
        traces.map((trace) => relabelTrace(trace, rule, { errorRates })),
      );
    },
  );

  propertyTest.prop([anyTrace, anyRule, anyRule])('depends on the evidence alone', (trace, before, rule) => {
    const once = relabelTrace(trace, rule, { errorRates });
    expect(relabelTrace(relabelTrace(trace, before, { errorRates }), rule, { errorRates })).toEqual(once);
    expect(once.steps.map(({ mc, judge, text }) => ({ mc, judge, text }))).toEqual(
      trace.steps.map(({ mc, judge, text }) => ({ mc, judge, text })),
    );
  });

  propertyTest.prop([anyTrace])('hybrid labels what it keeps as the judge does', (trace) => {
    const hybrid = relabelTrace(trace, 'hybrid');
    if (hybrid.consensus?.kept === true) expect(labelsOf(hybrid)).toEqual(labelsOf(relabelTrace(trace, 'judge')));
  });

  propertyTest.prop([rollouts, fc.nat(999_999)])('rollouts are compared exactly', (mc, millionths) => {
    const completed = mc.correct + mc.incorrect + mc.unparsable;
    const reading = readRollouts([traceWith([{ mc }])], millionths / 1e6)[0];
    const wrong = BigInt(mc.correct) * 1_000_000n <= BigInt(millionths) * BigInt(completed);
    expect(reading?.verdicts[0] ?? null).toBe(completed === 0 ? null : wrong ? -1 : 1);
  });
});
