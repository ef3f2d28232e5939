import { decimal, decimalInterval, duration, grouped, percent, points, pointsInterval } from '../../format-number.ts';
import type { Report, Target } from '../../report-schema.ts';
import { html, type Markup } from '../markup.ts';

/** A verdict in words and colour. */
export function verdictBadge(passed: boolean): Markup {
  return passed ? html`<span class="badge ok">✓ reached</span>` : html`<span class="badge short">✕ short</span>`;
}

function tile(what: string, big: Markup, more: string): Markup {
  return html`<div class="tile">
    <p class="what">${what}</p>
    <p class="big">${big}</p>
    <p class="more">${more}</p>
  </div>`;
}

function accuracyOf(report: Report, strategy: string, n: number): number | null {
  return report.tts.find((row) => row.strategy === strategy && row.n === n)?.accuracy ?? null;
}

function tiles(report: Report): Markup {
  const { perception, reasoning } = report.prm.hybrid;
  const vote = report.paired.find((gain) => gain.a === 'weighted-vote' && gain.b === 'majority' && gain.n === 16);
  const oneShot = report.paired.find((gain) => gain.a === 'one-shot' && gain.b === 'pass-at-1' && gain.n === 8);
  const { imageSwap, blind } = report.gates;
  return html`<div class="tiles">
    ${tile('Perception-error F1', html`${decimal(perception.f1)}`, `95% ${decimalInterval(perception.f1Ci95)}; blind control ${decimal(blind.perceptionF1)}`)}
    ${tile('Reasoning-error F1', html`${decimal(reasoning.f1)}`, `95% ${decimalInterval(reasoning.f1Ci95)}; blind control ${decimal(blind.reasoningF1)}`)}
    ${tile('Caught when the picture is swapped', html`${percent(imageSwap.flagged)}`, `at ${percent(imageSwap.flaggedBefore)} false alarms on clean solutions`)}
    ${oneShot === undefined ? null : tile('one-shot@8 over a single try', html`${points(oneShot.gain)} <small>points</small>`, `${percent(accuracyOf(report, 'pass-at-1', 1))} to ${percent(accuracyOf(report, 'one-shot', 8))}; 95% ${pointsInterval(oneShot.ci95)}`)}
    ${vote === undefined ? null : tile('weighted-vote@16 over majority@16', html`${points(vote.gain)} <small>points</small>`, `${percent(accuracyOf(report, 'majority', 16))} to ${percent(accuracyOf(report, 'weighted-vote', 16))}; 95% ${pointsInterval(vote.ci95)}`)}
    ${tile('From pictures to this page', html`${duration(report.timings.totalSeconds)}`, `${grouped(report.synthesis.rollouts)} rollouts, ${grouped(report.synthesis.traces)} labelled solutions`)}
  </div>`;
}

function targetRow(target: Target): Markup {
  return html`<tr>
    <th scope="row">${target.name}</th>
    <td>${target.measured}</td>
    <td>${target.target}</td>
    <td>${verdictBadge(target.passed)}</td>
  </tr>`;
}

/** Key figures, then every limit of this milestone with what was measured. */
export function headlineSection(report: Report): Markup {
  const { targets } = report.gates;
  const reached = targets.filter((target) => target.passed).length;
  return html`${tiles(report)}
    <section id="targets">
      <h2>${reached} of ${targets.length} targets reached</h2>
      <p class="note">
        Set before the run. Every figure is measured on ${grouped(report.problems.testNovel)} test puzzles whose scenes
        appear in no training data.
      </p>
      <div class="card scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">Measured</th>
              <th scope="col">Target</th>
              <th scope="col">Verdict</th>
            </tr>
          </thead>
          <tbody>
            ${targets.map(targetRow)}
          </tbody>
        </table>
      </div>
    </section>`;
}
