import { percent } from '../../src/report/format-number.ts';
import { html, trusted, type Markup } from '../../src/report/html/markup.ts';
import { at, linearScale, log2Scale, ticks, type Scale } from '../../src/report/html/scale.ts';
import type { LabelsResult, Quality } from './schema.ts';
import type { BenchRule } from './settings.ts';

/** The rules that rollouts take part in, a panel each; the judge alone is a line in all of them. */
const PANELS: readonly BenchRule[] = ['mc0', 'mc50', 'agreement', 'union', 'hybrid', 'posterior'];
const ESTIMATORS = ['exhaustive', 'adaptive', 'binary', 'tree'] as const;

const COLUMNS = 3;
const PANEL = { width: 286, height: 236 };
const PLOT = { left: 44, right: 12, top: 30, bottom: 34 };
/** Where fewer traces are kept, a dot is hollow. */
const FEW = 0.9;
const LEGEND = 34;
const FOOT = 24;
const WIDTH = COLUMNS * PANEL.width;
const HEIGHT = LEGEND + Math.ceil(PANELS.length / COLUMNS) * PANEL.height + FOOT;

/** Readable on white and on black; a dark page gets its own text. */
const STYLE = trusted(`<style>
text { font: 12px ui-sans-serif, system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: #1f2328; }
.title { font-weight: 650; font-size: 13px; } .soft { fill: #636c76; font-size: 11px; }
.rule { stroke: #d1d9e0; } .judge { stroke: #8250df; stroke-dasharray: 5 4; stroke-width: 1.5; }
.line { fill: none; stroke: currentColor; stroke-width: 2; } .range { stroke: currentColor; opacity: .45; stroke-width: 1.5; }
.dot { fill: currentColor; stroke: currentColor; stroke-width: 1.5; } .few { fill: none; }
.hollow { color: #636c76; } .exhaustive { color: #0969da; } .adaptive { color: #cf222e; } .binary { color: #1a7f37; } .tree { color: #bc4c00; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .soft { fill: #9198a1; } .rule { stroke: #3d444d; } .judge { stroke: #ab7df8; }
.exhaustive { color: #4493f8; } .adaptive { color: #ff7b72; } .binary { color: #3fb950; } .tree { color: #f0883e; }
}
</style>`);

interface Axes {
  readonly x: Scale;
  readonly y: Scale;
  readonly rollouts: readonly number[];
  readonly levels: readonly number[];
}

function axesOf(rows: readonly Quality[]): Axes {
  const accuracies = rows.flatMap(({ stepAccuracyCi95 }) => stepAccuracyCi95 ?? []);
  const low = Math.floor(20 * Math.min(...accuracies)) / 20;
  const high = Math.ceil(20 * Math.max(...accuracies)) / 20;
  const asked = rows.map(({ cost }) => cost.rolloutsPerTrace).filter((rollouts) => rollouts > 0);
  const exponents = ticks(Math.floor(Math.log2(Math.min(...asked))), Math.ceil(Math.log2(Math.max(...asked))), 1);
  const rollouts = exponents.map((exponent) => 2 ** exponent);
  return {
    x: log2Scale([rollouts[0] ?? 1, rollouts.at(-1) ?? 2], [PLOT.left, PANEL.width - PLOT.right]),
    y: linearScale([low, high], [PANEL.height - PLOT.bottom, PLOT.top]),
    rollouts,
    levels: ticks(low, high, high - low > 0.3 ? 0.1 : 0.05),
  };
}

function grid({ x, y, rollouts, levels }: Axes, judge: Quality | undefined): Markup {
  const right = PANEL.width - PLOT.right;
  const accuracy = judge?.stepAccuracy ?? null;
  return html`${levels.map(
    (level) =>
      html`<line class="rule" x1="${PLOT.left}" x2="${right}" y1="${at(y(level))}" y2="${at(y(level))}" /><text
          class="soft"
          x="${PLOT.left - 7}"
          y="${at(y(level) + 4)}"
          text-anchor="end"
          >${percent(level, 0)}</text
        >`,
  )}${rollouts.map(
    (count) =>
      html`<text class="soft" x="${at(x(count))}" y="${PANEL.height - PLOT.bottom + 16}" text-anchor="middle"
        >${count}</text
      >`,
  )}${
    accuracy !== null &&
    html`<line class="judge" x1="${PLOT.left}" x2="${right}" y1="${at(y(accuracy))}" y2="${at(y(accuracy))}" />`
  }`;
}

function series(rows: readonly Quality[], { x, y }: Axes): Markup {
  const places = rows.flatMap(({ cost, evidence, coverage, stepAccuracy, stepAccuracyCi95: range }) =>
    stepAccuracy === null || range === null || cost.rolloutsPerTrace === 0
      ? []
      : [{ evidence, rollouts: cost.rolloutsPerTrace, coverage: coverage ?? 0, stepAccuracy, range }],
  );
  places.sort((a, b) => a.rollouts - b.rollouts);
  const path = places
    .map((one, i) => `${i === 0 ? 'M' : 'L'}${at(x(one.rollouts))} ${at(y(one.stepAccuracy))}`)
    .join('');
  return html`${places.length > 1 && html`<path class="line" d="${path}" />`}${places.map(
    ({ evidence, rollouts, coverage, stepAccuracy, range }) => {
      const left = at(x(rollouts));
      const label = `${evidence}: ${percent(stepAccuracy)} at ${rollouts.toFixed(1)} rollouts a trace, ${percent(coverage)} kept`;
      return html`<line
          class="range"
          x1="${left}"
          x2="${left}"
          y1="${at(y(range[0]))}"
          y2="${at(y(range[1]))}"
        /><circle class="dot ${coverage < FEW && 'few'}" cx="${left}" cy="${at(y(stepAccuracy))}" r="4"
          ><title>${label}</title></circle
        >`;
    },
  )}`;
}

function panel(rule: BenchRule, i: number, quality: readonly Quality[], axes: Axes): Markup {
  const own = quality.filter((row) => row.rule === rule);
  const left = (i % COLUMNS) * PANEL.width;
  const top = LEGEND + Math.floor(i / COLUMNS) * PANEL.height;
  return html`<g transform="translate(${left} ${top})">
    <text class="title" x="${PLOT.left}" y="${PLOT.top - 12}">${rule}</text>
    ${grid(
      axes,
      quality.find((row) => row.rule === 'judge'),
    )}
    ${ESTIMATORS.map(
      (estimator) =>
        html`<g class="${estimator}"
          >${series(
            own.filter((row) => row.estimator === estimator),
            axes,
          )}</g
        >`,
    )}
  </g>`;
}

function legend(): Markup {
  return html`${ESTIMATORS.map(
      (estimator, i) =>
        html`<g class="${estimator}" transform="translate(${PLOT.left + i * 120} 16)"
          ><circle class="dot" cx="0" cy="0" r="5" /><text x="11" y="4">${estimator}</text></g
        >`,
    )}<g transform="translate(${PLOT.left + ESTIMATORS.length * 120} 16)"
      ><line class="judge" x1="-6" x2="18" y1="0" y2="0" /><text x="26" y="4">judge alone</text></g
    ><g transform="translate(${PLOT.left + (ESTIMATORS.length + 1) * 120 + 20} 16)"
      ><g class="hollow"><circle class="dot few" cx="0" cy="0" r="4" /></g
      ><text x="11" y="4">fewer than ${percent(FEW, 0)} kept</text></g
    >`;
}

/** Step accuracy against rollouts per trace, a panel for each rule, with 95% intervals: a drawing of its own (SVG). */
export function labelsFigure({ quality, traces, settings }: LabelsResult): string {
  const axes = axesOf(quality);
  const { markup } = html`<svg
    xmlns="http://www.w3.org/2000/svg"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    role="img"
    aria-label="Share of steps that are labelled rightly against rollouts per trace, by rule and estimator"
  >
    ${STYLE} ${legend()} ${PANELS.map((rule, i) => panel(rule, i, quality, axes))}
    <text class="soft" x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">
      rollouts per trace; steps of kept traces labelled rightly, 95% intervals; ${traces} traces, seeds
      ${settings.seeds.join(', ')}
    </text>
  </svg>`;
  return `${markup.replace(/\s+\n/g, '\n')}\n`;
}
