import { decimal, grouped } from '../../format-number.ts';
import { PRM_RULES, type PrmRow, type Report, type StepErrorMetrics } from '../../report-schema.ts';
import { dotChart, type DotRow } from '../dot-chart.ts';
import { html, type Markup } from '../markup.ts';
import { reliabilityChart } from '../reliability-chart.ts';

/** Below this F1 a family counts as weak and is marked. */
const WEAK_F1 = 0.7;

function dots(report: Report): DotRow[] {
  const { blind } = report.gates;
  const trained = PRM_RULES.map((rule) => ({
    name: rule,
    emphasis: rule === 'hybrid',
    dots: [
      { mark: 'perception', value: report.prm[rule].perception.f1, interval: report.prm[rule].perception.f1Ci95 },
      { mark: 'reasoning', value: report.prm[rule].reasoning.f1, interval: report.prm[rule].reasoning.f1Ci95 },
    ],
  }));
  const control = {
    name: 'hybrid, blind',
    emphasis: false,
    dots: [
      { mark: 'perception', value: blind.perceptionF1, interval: null },
      { mark: 'reasoning', value: blind.reasoningF1, interval: null },
    ],
  };
  return [...trained, control];
}

function metricCells(metrics: StepErrorMetrics): Markup {
  return html`<td class="n">${decimal(metrics.precision)}</td>
    <td class="n">${decimal(metrics.recall)}</td>
    <td class="n">${decimal(metrics.f1)}</td>
    <td class="n">${decimal(metrics.auroc)}</td>`;
}

function prmTableRow(rule: string, row: PrmRow): Markup {
  return html`<tr class="${rule === 'hybrid' ? 'strong' : ''}">
    <th scope="row">${rule}</th>
    ${metricCells(row.perception)}${metricCells(row.reasoning)}
    <td class="n">${decimal(row.ece)}</td>
    <td class="n">${decimal(row.threshold)}</td>
  </tr>`;
}

function familyCell(metrics: StepErrorMetrics): Markup {
  const weak = metrics.f1 !== null && metrics.f1 < WEAK_F1;
  return html`<td class="n">
      <span class="cell ${weak ? 'weak' : ''}">${decimal(metrics.f1)}${weak ? ' weak' : ''}</span>
    </td>
    <td class="n">${grouped(metrics.errors)} / ${grouped(metrics.steps)}</td>`;
}

function familyTable(row: PrmRow): Markup {
  return html`<table>
    <caption>
      Hybrid-trained PRM; F1 under ${decimal(WEAK_F1, 2)} is marked weak.
    </caption>
    <thead>
      <tr>
        <th scope="col">Family</th>
        <th scope="col" class="n">Perception F1</th>
        <th scope="col" class="n">errors / steps</th>
        <th scope="col" class="n">Reasoning F1</th>
        <th scope="col" class="n">errors / steps</th>
      </tr>
    </thead>
    <tbody>
      ${Object.entries(row.families).map(
        ([family, metrics]) =>
          html`<tr>
            <th scope="row">${family}</th>
            ${familyCell(metrics.perception)}${familyCell(metrics.reasoning)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** How well step errors are found: by label rule, by family, and how far the probabilities can be trusted. */
export function stepErrorSection(report: Report): Markup {
  const { hybrid } = report.prm;
  return html`<section id="steps">
    <h2>Finding the step that went wrong</h2>
    <p>
      Four PRMs, trained on the same number of supervised steps (${grouped(hybrid.supervisedSteps)}), differ only in the
      rule that labelled those steps. A step counts while everything before it is right; the positive class is
      <em>wrong</em>. The blind control is the hybrid PRM trained and run with the image hidden.
    </p>
    <div class="grid two">
      <div class="card">
        <h3>F1 by label rule</h3>
        <p class="legend">
          <span class="m-perception">perception steps</span><span class="m-reasoning">reasoning steps</span>
        </p>
        ${dotChart(
          dots(report),
          [
            { mark: 'perception', value: 0.85, label: 'target .85', side: 'right' },
            { mark: 'reasoning', value: 0.7, label: 'target .70', side: 'left' },
          ],
          'F1 of wrong steps for each label rule and for the blind control',
        )}
      </div>
      <div class="card">
        <h3>Can the probabilities be trusted?</h3>
        <p class="note">
          Hybrid PRM: expected calibration error ${decimal(hybrid.ece)}, Brier ${decimal(hybrid.brier)}. Bars below:
          steps per bin.
        </p>
        ${reliabilityChart(hybrid.reliability)}
      </div>
    </div>
    <div class="card scroll">
      <h3>By puzzle family</h3>
      ${familyTable(hybrid)}
    </div>
    <details class="card">
      <summary>Precision, recall, AUROC and calibration of every PRM</summary>
      <div class="scroll">
        <table>
          <caption>
            Thresholds come from a validation split that shares no scene with the training rows, by the run's own
            labels.
          </caption>
          <thead>
            <tr>
              <td></td>
              <th scope="colgroup" colspan="4">Perception</th>
              <th scope="colgroup" colspan="4">Reasoning</th>
              <td></td>
              <td></td>
            </tr>
            <tr>
              <th scope="col">Labels</th>
              ${['', ''].map(
                () =>
                  html`<th scope="col" class="n">Precision</th>
                    <th scope="col" class="n">Recall</th>
                    <th scope="col" class="n">F1</th>
                    <th scope="col" class="n">AUROC</th>`,
              )}
              <th scope="col" class="n">ECE</th>
              <th scope="col" class="n">Threshold</th>
            </tr>
          </thead>
          <tbody>
            ${PRM_RULES.map((rule) => prmTableRow(rule, report.prm[rule]))}
          </tbody>
        </table>
      </div>
    </details>
  </section>`;
}
