import { points, pointsInterval } from '../format-number.ts';
import type { PairedGain } from '../report-schema.ts';
import { html, type Markup } from './markup.ts';
import { at, linearScale, ticks } from './scale.ts';

const WIDTH = 860;
const ROW = 34;
const MARGIN = { top: 8, right: 150, bottom: 34, left: 290 };

/** Paired gains in percentage points with their 95% intervals, against a line at zero. */
export function gainChart(gains: readonly PairedGain[]): Markup {
  const height = MARGIN.top + gains.length * ROW + MARGIN.bottom;
  const low = Math.min(0, ...gains.map((gain) => gain.ci95[0]));
  const high = Math.max(0.02, ...gains.map((gain) => gain.ci95[1]));
  const pad = (high - low) * 0.06;
  const x = linearScale([low - pad, high + pad], [MARGIN.left, WIDTH - MARGIN.right]);
  const bottom = height - MARGIN.bottom;
  const step = high - low > 0.25 ? 0.1 : high - low > 0.1 ? 0.05 : 0.02;
  return html`<svg
    class="chart gains"
    viewBox="0 0 ${WIDTH} ${height}"
    role="img"
    aria-label="Paired gains in percentage points: ${gains
      .map((gain) => `${gain.a} over ${gain.b} at ${gain.n}: ${points(gain.gain)}`)
      .join('; ')}"
  >
    <g class="axis" aria-hidden="true">
      ${ticks(low - pad, high + pad, step).map(
        (tick) =>
          html`<line
              class="${tick === 0 ? 'zero' : 'rule'}"
              x1="${at(x(tick))}"
              x2="${at(x(tick))}"
              y1="${MARGIN.top}"
              y2="${bottom}"
            /><text x="${at(x(tick))}" y="${bottom + 20}" text-anchor="middle"
              >${tick === 0 ? '0' : points(tick, 0)}</text
            >`,
      )}
    </g>
    ${gains.map((gain, i) => {
      const y = MARGIN.top + (i + 0.5) * ROW;
      const sign = gain.ci95[0] > 0 ? 'above' : gain.ci95[1] < 0 ? 'below' : 'open';
      return html`<g class="gain ${sign}">
        <text class="name" x="${MARGIN.left - 14}" y="${at(y + 4)}" text-anchor="end"
          >${gain.a} − ${gain.b} <tspan class="muted">@${gain.n}</tspan></text
        >
        <line class="range" x1="${at(x(gain.ci95[0]))}" x2="${at(x(gain.ci95[1]))}" y1="${at(y)}" y2="${at(y)}" />
        <circle cx="${at(x(gain.gain))}" cy="${at(y)}" r="5" />
        <text class="figure" x="${WIDTH - MARGIN.right + 12}" y="${at(y + 4)}"
          >${points(gain.gain)} <tspan class="muted">${pointsInterval(gain.ci95)}</tspan></text
        >
      </g>`;
    })}
  </svg>`;
}
