import { grouped, percent } from '../../format-number.ts';
import type { Report, TtsRow } from '../../report-schema.ts';
import { accuracyChart } from '../accuracy-chart.ts';
import { gainChart } from '../gain-chart.ts';
import { html, type Markup } from '../markup.ts';

function costRow(row: TtsRow): Markup {
  return html`<tr>
    <th scope="row">${row.strategy}</th>
    <td class="n">${row.n}</td>
    <td class="n">
      ${percent(row.accuracy)} <span class="ci">${percent(row.ci95[0])} to ${percent(row.ci95[1])}</span>
    </td>
    <td class="n">${grouped(row.policyTokens)}</td>
    <td class="n">${grouped(row.prmForwards)}</td>
    <td class="n">${grouped(row.prmTokens)}</td>
  </tr>`;
}

/** Accuracy against N for every strategy, the paired gains, and what each cost. */
export function accuracySection(report: Report): Markup {
  return html`<section id="answers">
    <h2>Picking better answers</h2>
    <p>
      The policy tries each puzzle up to 16 times. A strategy decides which answer to give. The dashed lines are bounds:
      one try alone, and an oracle that always picks a right answer if there is one.
    </p>
    <div class="card">${accuracyChart(report.tts)}</div>
    <div class="card">
      <h3>Paired gains on the same puzzles, percentage points with 95% intervals</h3>
      ${gainChart(report.paired)}
    </div>
    <details class="card">
      <summary>Every figure, with its cost</summary>
      <div class="scroll">
        <table>
          <caption>
            Tokens and forwards are totals over all problems of the row.
          </caption>
          <thead>
            <tr>
              <th scope="col">Strategy</th>
              <th scope="col" class="n">N</th>
              <th scope="col" class="n">Accuracy (95%)</th>
              <th scope="col" class="n">Policy tokens</th>
              <th scope="col" class="n">PRM forwards</th>
              <th scope="col" class="n">PRM tokens</th>
            </tr>
          </thead>
          <tbody>
            ${report.tts.map(costRow)}
          </tbody>
        </table>
      </div>
    </details>
  </section>`;
}
