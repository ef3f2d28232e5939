import type { TtsRow } from '../report-schema.ts';
import { percent } from '../format-number.ts';
import { html, type Markup } from './markup.ts';
import { at, linearScale, log2Scale, spreadLabels, ticks, type Scale } from './scale.ts';

const WIDTH = 860;
const HEIGHT = 460;
const MARGIN = { top: 18, right: 168, bottom: 46, left: 52 };
const DODGE = 2.6;

interface Series {
  readonly strategy: string;
  readonly rows: readonly TtsRow[];
}

/** Strategies in the order in which they are drawn: the bounds lie below the others. */
const BOUNDS: ReadonlySet<string> = new Set(['pass-at-1', 'oracle']);

function seriesOf(rows: readonly TtsRow[]): Series[] {
  const strategies = [...new Set(rows.map((row) => row.strategy))];
  return strategies
    .map((strategy) => ({
      strategy,
      rows: rows.filter((row) => row.strategy === strategy).sort((a, b) => a.n - b.n),
    }))
    .sort((a, b) => Number(BOUNDS.has(b.strategy)) - Number(BOUNDS.has(a.strategy)));
}

function grid(x: Scale, y: Scale, ns: readonly number[], levels: readonly number[]): Markup {
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  return html`<g class="axis" aria-hidden="true">
    ${levels.map(
      (level) =>
        html`<line class="rule" x1="${MARGIN.left}" x2="${right}" y1="${at(y(level))}" y2="${at(y(level))}" /><text
            x="${MARGIN.left - 10}"
            y="${at(y(level) + 4)}"
            text-anchor="end"
            >${percent(level, 0)}</text
          >`,
    )}
    ${ns.map((n) => html`<text x="${at(x(n))}" y="${bottom + 22}" text-anchor="middle">${n}</text>`)}
    <text x="${at((MARGIN.left + right) / 2)}" y="${HEIGHT - 4}" text-anchor="middle">candidates per problem (N)</text>
  </g>`;
}

function whisker(row: TtsRow, x: number, y: Scale): Markup {
  return html`<line
    class="whisker"
    x1="${at(x)}"
    x2="${at(x)}"
    y1="${at(y(row.ci95[0]))}"
    y2="${at(y(row.ci95[1]))}"
  />`;
}

function drawSeries(series: Series, offset: number, x: Scale, y: Scale, labelY: number): Markup {
  const place = (row: TtsRow): number => x(row.n) + offset;
  const last = series.rows.at(-1);
  if (last === undefined) return html``;
  const path = series.rows.map((row, i) => `${i === 0 ? 'M' : 'L'}${at(place(row))} ${at(y(row.accuracy))}`).join('');
  const labelX = WIDTH - MARGIN.right + 22;
  return html`<g class="series s-${series.strategy} ${BOUNDS.has(series.strategy) ? 'bound' : ''}" tabindex="0">
    ${series.rows.map((row) => whisker(row, place(row), y))}
    <path class="line" d="${path}" />
    ${series.rows.map(
      (row) =>
        html`<circle cx="${at(place(row))}" cy="${at(y(row.accuracy))}" r="3.6"
          ><title>
            ${series.strategy} at N = ${row.n}: ${percent(row.accuracy)} (95% ${percent(row.ci95[0])} to
            ${percent(row.ci95[1])})
          </title></circle
        >`,
    )}
    <path
      class="leader"
      d="M${at(place(last) + 6)} ${at(y(last.accuracy))}L${at(Math.max(place(last) + 6, labelX - 18))} ${at(y(last.accuracy))}L${at(labelX - 5)} ${at(labelY)}"
    />
    <text class="label" x="${at(labelX)}" y="${at(labelY + 4)}"
      >${series.strategy} <tspan class="value">${percent(last.accuracy)}</tspan></text
    >
  </g>`;
}

/** Accuracy against N for every strategy, whiskers are 95% intervals. Hover or focus a line to set it apart. */
export function accuracyChart(rows: readonly TtsRow[]): Markup {
  const series = seriesOf(rows);
  const ns = [...new Set(rows.map((row) => row.n))].sort((a, b) => a - b);
  const low = Math.min(...rows.map((row) => row.ci95[0]));
  const floor = Math.max(0, Math.floor(low * 20) / 20);
  const x = log2Scale(
    [ns[0] ?? 1, Math.max(ns.at(-1) ?? 1, (ns[0] ?? 1) * 2)],
    [MARGIN.left + 16, WIDTH - MARGIN.right - 16],
  );
  const y = linearScale([floor, 1], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const labels = spreadLabels(
    series.map(({ rows: own }) => y(own.at(-1)?.accuracy ?? 0)),
    19,
    [MARGIN.top, HEIGHT - MARGIN.bottom],
  );
  const best = series
    .map(({ strategy, rows: own }) => `${strategy} ${percent(own.at(-1)?.accuracy ?? null)}`)
    .join(', ');
  return html`<svg
    class="chart accuracy"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    role="img"
    aria-label="Accuracy against the number of candidates. At the largest N: ${best}."
  >
    ${grid(x, y, ns, ticks(floor, 1, 1 - floor > 0.3 ? 0.1 : 0.05))}
    ${series.map((one, i) => drawSeries(one, (i - (series.length - 1) / 2) * DODGE, x, y, labels[i] ?? 0))}
  </svg>`;
}
