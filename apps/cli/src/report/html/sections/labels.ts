import { decimal, decimalInterval, grouped, pointsInterval } from '../../format-number.ts';
import {
  LABEL_RULES,
  type FailureCounts,
  type LabelRule,
  type MissedErrors,
  type Report,
} from '../../report-schema.ts';
import { html, type Markup } from '../markup.ts';
import { rateBar } from '../rate-bar.ts';

const RULE_MEANINGS: Readonly<Record<LabelRule, string>> = {
  hybrid: 'the judge locates errors; Monte-Carlo drops traces that the judge passes and rollouts contradict',
  mc0: 'wrong when no rollout from here comes out right',
  mc50: 'wrong when at most half of the rollouts come out right',
  judge: 'wrong from the first error that the judge names',
  union: 'wrong when the judge or mc0 says so',
};

function labelRow(report: Report, rule: LabelRule): Markup {
  const row = report.synthesis.labels[rule];
  return html`<tr class="${rule === 'hybrid' ? 'strong' : ''}">
    <th scope="row">${rule} <span class="ci">${RULE_MEANINGS[rule]}</span></th>
    <td class="n">${decimal(row.stepAccuracy)} <span class="ci">${decimalInterval(row.stepAccuracyCi95)}</span></td>
    <td class="n">${decimal(row.perceptionF1)}</td>
    <td class="n">${decimal(row.reasoningF1)}</td>
    <td class="n">${decimal(report.synthesis.common.accuracy[rule])}</td>
    <td class="n">${decimal(row.coverage)}</td>
  </tr>`;
}

function vetoBars(title: string, rates: MissedErrors): Markup {
  return html`<h3>${title}</h3>
    <div class="bars">
      ${rateBar(`dropped (${grouped(rates.dropped)})`, rates.missedRateDropped, 'alarm')}
      ${rateBar(`kept (${grouped(rates.kept)})`, rates.missedRateKept, 'before')}
    </div>`;
}

function failureRow(what: string, { failed, unparsable }: FailureCounts): Markup {
  return html`<tr>
    <th scope="row">${what}</th>
    <td class="n">${grouped(failed)}</td>
    <td class="n">${grouped(unparsable)}</td>
  </tr>`;
}

/** What came to nothing, by why. */
function failureTable({ failures }: Report['synthesis']): Markup {
  if (failures === undefined) return html``;
  return html`<div class="card scroll">
    <h2 style="font-size:1.15rem">What became no label</h2>
    <p class="note">A call that failed and an answer that cannot be read are not wrong answers: they label nothing.</p>
    <table>
      <thead>
        <tr>
          <th scope="col">Asked for</th>
          <th scope="col" class="n">Calls that failed</th>
          <th scope="col" class="n">Answers not readable</th>
        </tr>
      </thead>
      <tbody>
        ${failureRow('Solutions', failures.samples)} ${failureRow('Rollouts', failures.rollouts)}
        ${failureRow('Reviews', failures.reviews)}
      </tbody>
    </table>
  </div>`;
}

/** Label rules against the truth, what each keeps, and whether the Monte-Carlo veto earns its place. */
export function labelSection(report: Report): Markup {
  const { common, veto } = report.synthesis;
  return html`<section id="labels">
    <h2>Where the labels come from</h2>
    <p>
      No human labelled a step. Rollouts, a judge, or both did, and only this comparison looks at the truth: a step is
      wrong from the first error on. Coverage is the share of traces that a rule keeps.
    </p>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Rule</th>
            <th scope="col" class="n">Step accuracy, own traces</th>
            <th scope="col" class="n">Perception F1</th>
            <th scope="col" class="n">Reasoning F1</th>
            <th scope="col" class="n">Accuracy, shared traces</th>
            <th scope="col" class="n">Coverage</th>
          </tr>
        </thead>
        <tbody>
          ${LABEL_RULES.map((rule) => labelRow(report, rule))}
        </tbody>
      </table>
      <p class="note" style="margin-top:1em">
        On the ${grouped(common.steps)} steps of the traces that every rule kept, in points with 95% intervals: hybrid −
        mc0 ${pointsInterval(common.hybridMinusMc0Ci95)}, hybrid − mc50 ${pointsInterval(common.hybridMinusMc50Ci95)},
        hybrid − judge ${pointsInterval(common.hybridMinusJudgeCi95)}.
      </p>
    </div>
    <div class="card">
      <h2 style="font-size:1.15rem">Does the veto earn its place?</h2>
      <p class="note">
        Of the traces that the judge passed: how many hold an error it missed, among those that Monte-Carlo drops and
        those it keeps.
      </p>
      <div class="grid three" style="margin-top:14px">
        <div>${vetoBars('All evidence', veto)}</div>
        <div>${vetoBars("Without the trace's own answer as evidence", veto.withoutLastStepEvidence)}</div>
        <div>${vetoBars('Errors in the last step left out', veto.withoutLastStepErrors)}</div>
      </div>
    </div>
    ${failureTable(report.synthesis)}
  </section>`;
}
