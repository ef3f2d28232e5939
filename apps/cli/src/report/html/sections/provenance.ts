import { duration, grouped, percent } from '../../format-number.ts';
import type { Report } from '../../report-schema.ts';
import { html, type Markup } from '../markup.ts';

function stages(report: Report): { name: string; seconds: number }[] {
  const { synthesizeSeconds, trainSeconds, evaluateSeconds, inferSeconds, totalSeconds } = report.timings;
  const named = synthesizeSeconds + trainSeconds + evaluateSeconds + inferSeconds;
  return [
    { name: 'synthesize', seconds: synthesizeSeconds },
    { name: 'train', seconds: trainSeconds },
    { name: 'evaluate', seconds: evaluateSeconds },
    { name: 'infer', seconds: inferSeconds },
    { name: 'everything else', seconds: Math.max(0, totalSeconds - named) },
  ];
}

/** Time, backends, the frozen world, and what is needed to run it again. */
export function provenanceSection(report: Report): Markup {
  const { world } = report.gates;
  const all = stages(report);
  const total = Math.max(report.timings.totalSeconds, 1e-9);
  return html`<section id="run">
    <h2>How this was made</h2>
    <div class="card">
      <h3>${duration(report.timings.totalSeconds)} in all</h3>
      <div class="time" aria-hidden="true">
        ${all.map((stage, i) => html`<i class="t${i}" style="width:${((100 * stage.seconds) / total).toFixed(2)}%"></i>`)}
      </div>
      <ul class="keys">
        ${all.map((stage, i) => html`<li class="t${i}"><span>${stage.name} ${duration(stage.seconds)}</span></li>`)}
      </ul>
    </div>
    <div class="grid two">
      <div class="card">
        <h3>The run</h3>
        <dl class="facts">
          <dt>Seed</dt>
          <dd>${report.seed}</dd>
          <dt>Puzzles</dt>
          <dd>
            ${grouped(report.problems.train)} to train, ${grouped(report.problems.test)} to test,
            ${grouped(report.problems.testNovel)} of them novel scenes
          </dd>
          <dt>Synthesis</dt>
          <dd>
            ${grouped(report.synthesis.traces)} traces, ${grouped(report.synthesis.rollouts)} rollouts,
            ${grouped(report.synthesis.failed)} failed;
            ${report.synthesis.usd === null ? 'cost unknown' : `${report.synthesis.usd.toFixed(2)} USD`}
          </dd>
          <dt>Kernels</dt>
          <dd>${report.backends.kernels}</dd>
          <dt>PRM</dt>
          <dd>${report.backends.prm}</dd>
          ${Object.entries(report.versions).map(
            ([name, version]) =>
              html`<dt>${name}</dt>
                <dd>${version}</dd>`,
          )}
        </dl>
      </div>
      <div class="card">
        <h3>The world it ran in</h3>
        <dl class="facts">
          <dt>pass@1</dt>
          <dd>${percent(world.passAt1)}</dd>
          <dt>majority@16</dt>
          <dd>${percent(world.majority16)}</dd>
          <dt>oracle@16</dt>
          <dd>${percent(world.oracle16)}</dd>
          <dt>Judge, first error</dt>
          <dd>${percent(world.judgeFirstErrorAccuracy)} named exactly</dd>
          <dt>Constants</dt>
          <dd><code>${world.hash}</code></dd>
        </dl>
        <p class="note" style="margin:.9em 0 0">
          A drawn puzzle world with a policy and a judge that read pixels through small trained eyes. Their constants
          are set by hand, fitted to no real model, and frozen.
        </p>
      </div>
    </div>
  </section>`;
}
