import { decimal } from '../format-number.ts';
import { html, type Markup } from './markup.ts';
import { at, linearScale } from './scale.ts';

/** One row of a dot chart: a name and up to a few marked values in [0, 1]. */
export interface DotRow {
  readonly name: string;
  readonly emphasis: boolean;
  readonly dots: readonly {
    readonly mark: string;
    readonly value: number | null;
    readonly interval: readonly [number, number] | null;
  }[];
}

/** A limit drawn as a line through all rows. */
export interface DotLimit {
  readonly mark: string;
  readonly value: number;
  readonly label: string;
  /** On which side of its line the label stands. */
  readonly side: 'left' | 'right';
}

const WIDTH = 440;
const ROW = 72;
const MARGIN = { top: 26, right: 14, bottom: 30, left: 96 };

/** Values in [0, 1] of several marks (classes `m-<mark>`) for several rows, with intervals and limits. */
export function dotChart(rows: readonly DotRow[], limits: readonly DotLimit[], description: string): Markup {
  const height = MARGIN.top + rows.length * ROW + MARGIN.bottom;
  const bottom = height - MARGIN.bottom;
  const x = linearScale([0, 1], [MARGIN.left, WIDTH - MARGIN.right]);
  return html`<svg class="chart dots" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${description}">
    <g class="axis" aria-hidden="true">
      ${[0, 0.2, 0.4, 0.6, 0.8, 1].map(
        (tick) =>
          html`<line class="rule" x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${MARGIN.top}" y2="${bottom}" />
            <text x="${at(x(tick))}" y="${bottom + 18}" text-anchor="middle">${decimal(tick, 1)}</text>`,
      )}
    </g>
    ${limits.map(
      (limit) =>
        html`<g class="limit m-${limit.mark}">
          <line x1="${at(x(limit.value))}" x2="${at(x(limit.value))}" y1="${MARGIN.top - 4}" y2="${bottom}" />
          <text
            x="${at(x(limit.value) + (limit.side === 'left' ? 4 : -4))}"
            y="${MARGIN.top - 10}"
            text-anchor="${limit.side === 'left' ? 'end' : 'start'}"
            >${limit.label}</text
          >
        </g>`,
    )}
    ${rows.map((row, i) => drawRow(row, MARGIN.top + (i + 0.5) * ROW, x))}
  </svg>`;
}

function drawRow(row: DotRow, y: number, x: (value: number) => number): Markup {
  return html`<g class="dot-row ${row.emphasis ? 'strong' : ''}">
    <text class="name" x="${MARGIN.left - 12}" y="${at(y + 4)}" text-anchor="end">${row.name}</text>
    ${row.dots.map((dot, i) => {
      if (dot.value === null) return html``;
      const place = y + (i - (row.dots.length - 1) / 2) * 16;
      return html`<g class="m-${dot.mark}">
        ${dot.interval === null ? null : html`<line class="range" x1="${at(x(dot.interval[0]))}" x2="${at(x(dot.interval[1]))}" y1="${at(place)}" y2="${at(place)}" />`}
        <circle cx="${at(x(dot.value))}" cy="${at(place)}" r="5"
          ><title>${row.name}, ${dot.mark}: ${decimal(dot.value)}</title></circle
        >
      </g>`;
    })}
  </g>`;
}
