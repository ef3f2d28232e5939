import { grouped, percent } from '../format-number.ts';
import type { ReliabilityBin } from '../report-schema.ts';
import { html, type Markup } from './markup.ts';
import { at, linearScale } from './scale.ts';

const SIZE = 420;
const PLOT = { left: 48, right: 404, top: 12, bottom: 316 };
const COUNTS = { top: 330, bottom: 382 };

/** Observed share of right steps against the predicted probability, with the number of steps of each bin below (square-root heights). */
export function reliabilityChart(bins: readonly ReliabilityBin[]): Markup {
  const x = linearScale([0, 1], [PLOT.left, PLOT.right]);
  const y = linearScale([0, 1], [PLOT.bottom, PLOT.top]);
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  const tall = linearScale([0, Math.sqrt(most)], [COUNTS.bottom, COUNTS.top]);
  const filled = bins.filter((bin) => bin.predicted !== null && bin.observed !== null);
  const line = filled
    .map((bin, i) => `${i === 0 ? 'M' : 'L'}${at(x(bin.predicted ?? 0))} ${at(y(bin.observed ?? 0))}`)
    .join('');
  return html`<svg
    class="chart reliability"
    viewBox="0 0 ${SIZE} ${SIZE}"
    role="img"
    aria-label="Reliability diagram: observed share of right steps against the predicted probability, ${filled.length} bins."
  >
    <g class="axis" aria-hidden="true">
      ${[0, 0.25, 0.5, 0.75, 1].map(
        (tick) =>
          html`<line class="rule" x1="${PLOT.left}" x2="${PLOT.right}" y1="${at(y(tick))}" y2="${at(y(tick))}" />
            <text x="${PLOT.left - 8}" y="${at(y(tick) + 4)}" text-anchor="end">${percent(tick, 0)}</text>
            <text x="${at(x(tick))}" y="${COUNTS.bottom + 16}" text-anchor="middle">${percent(tick, 0)}</text>`,
      )}
      <text x="${at((PLOT.left + PLOT.right) / 2)}" y="${SIZE - 4}" text-anchor="middle">
        predicted probability that the step is right
      </text>
    </g>
    <line class="diagonal" x1="${at(x(0))}" y1="${at(y(0))}" x2="${at(x(1))}" y2="${at(y(1))}" />
    ${bins.map(
      (bin) =>
        html`<rect
          class="mass"
          x="${at(x(bin.lower) + 1)}"
          width="${at(Math.max(0, x(bin.upper) - x(bin.lower) - 2))}"
          y="${at(tall(Math.sqrt(bin.count)))}"
          height="${at(COUNTS.bottom - tall(Math.sqrt(bin.count)))}"
          ><title>${grouped(bin.count)} steps</title></rect
        >`,
    )}
    <path class="curve" d="${line}" />
    ${filled.map(
      (bin) =>
        html`<circle
          class="point"
          cx="${at(x(bin.predicted ?? 0))}"
          cy="${at(y(bin.observed ?? 0))}"
          r="${at(3 + 5 * Math.sqrt(bin.count / most))}"
          ><title>
            predicted ${percent(bin.predicted)}, observed ${percent(bin.observed)}, ${grouped(bin.count)} steps
          </title></circle
        >`,
    )}
  </svg>`;
}
