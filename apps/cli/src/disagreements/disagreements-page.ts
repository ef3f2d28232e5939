import type { Trace } from '@vlprm/core/records';
import type { Disagreements, PatternCounts, PatternName } from '@vlprm/data/consensus';
import { grouped, percent } from '../report/format-number.ts';
import { htmlDocument } from '../report/html/document.ts';
import { html, type Markup } from '../report/html/markup.ts';
import { judgeVerdict, rollouts, stepText } from '../report/html/step-evidence.ts';

/** What each pattern says in words; `none`: no whole review, or no completed rollout. */
const PATTERN_WORDS: Readonly<Record<PatternName, string>> = {
  'both-right': 'both find nothing wrong',
  'both-wrong-same-step': 'both name the same first error',
  'both-wrong-judge-earlier': 'both find an error, the judge an earlier one',
  'both-wrong-mc-earlier': 'both find an error, the rollouts an earlier one',
  'judge-wrong-mc-right': 'the judge finds an error, the rollouts none',
  'judge-right-mc-wrong': 'the rollouts find an error, the judge none',
  'judge-right-mc-none': 'the judge finds nothing wrong, the rollouts say nothing',
  'judge-wrong-mc-none': 'the judge finds an error, the rollouts say nothing',
  'judge-none-mc-right': 'the rollouts find nothing wrong, the judge says nothing',
  'judge-none-mc-wrong': 'the rollouts find an error, the judge says nothing',
  'judge-none-mc-none': 'neither says anything',
};

/** Patterns in which both speak and do not say the same. */
const PARTING: ReadonlySet<PatternName> = new Set([
  'judge-right-mc-wrong',
  'judge-wrong-mc-right',
  'both-wrong-judge-earlier',
  'both-wrong-mc-earlier',
]);

const PAGE_STYLE = `
h2::first-letter { text-transform: uppercase; }
.evidence td:not(:first-child), .evidence thead th:not(:first-child) { width: 8.4em; }
.evidence tbody th { font-weight: 450; overflow-wrap: anywhere; } .evidence td, .evidence th { font-size: .9rem; }
.evidence tr.err > * { background: color-mix(in srgb, var(--wrong-soft) 55%, transparent); }
.heat { width: auto; } .heat td, .heat th { text-align: center; padding: .35em .7em; } .heat td { background: color-mix(in srgb, var(--accent) calc(var(--heat) * 70%), transparent); }
.heat td.same { outline: 2px solid var(--right); outline-offset: -2px; }
`;

/** What the page shows. */
export interface DisagreementsPageData {
  readonly found: Disagreements;
  /** The examples by id. */
  readonly traces: ReadonlyMap<string, Trace>;
  /** Data URLs by sha256. */
  readonly pictures: Readonly<Record<string, string>>;
}

function tile(what: string, count: number, total: number, more: string): Markup {
  return html`<div class="tile">
    <p class="what">${what}</p>
    <p class="big">${percent(total === 0 ? null : count / total)}</p>
    <p class="more">${grouped(count)} of ${grouped(total)} ${more}</p>
  </div>`;
}

/** Right and wrong answers; what is neither only where it occurs. */
function answers({ correct, incorrect, unparsable, failed }: PatternCounts['outcomes']): string {
  const others = Object.entries({ unreadable: unparsable, failed }).filter(([, count]) => count > 0);
  return [grouped(correct), grouped(incorrect), ...others.map(([what, count]) => `${grouped(count)} ${what}`)].join(
    ' / ',
  );
}

function kinds({ perception, reasoning, unknown }: PatternCounts['judgeErrorKinds']): string {
  if (perception + reasoning + unknown === 0) return '–';
  return `${grouped(perception)} / ${grouped(reasoning)}${unknown === 0 ? '' : ` / ${grouped(unknown)} unknown`}`;
}

function patternTable({ patterns }: Disagreements): Markup {
  return html`<div class="card scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Pattern</th>
          <th scope="col" class="n">Traces</th>
          <th scope="col" class="n">Answer right / wrong</th>
          <th scope="col" class="n">Judge's error: seen / concluded</th>
          <th scope="col" class="n">Rollouts' error: seen / concluded</th>
        </tr>
      </thead>
      <tbody>
        ${patterns.map(
          (row) =>
            html`<tr class="${PARTING.has(row.pattern) ? 'strong' : ''}">
              <th scope="row">${row.pattern} <span class="ci">${PATTERN_WORDS[row.pattern]}</span></th>
              <td class="n">${grouped(row.traces)}</td>
              <td class="n">${answers(row.outcomes)}</td>
              <td class="n">${kinds(row.judgeErrorKinds)}</td>
              <td class="n">${kinds(row.mcErrorKinds)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

const stepName = (index: number | null): string => (index === null ? 'none' : String(index + 1));

/** Distinct first errors of one side in order, none last. */
function places(found: Disagreements, side: 'judge' | 'mc'): (number | null)[] {
  const named = [...new Set(found.firstErrors.map((row) => row[side]))];
  return named.sort((a, b) => (a ?? Number.MAX_SAFE_INTEGER) - (b ?? Number.MAX_SAFE_INTEGER));
}

function confusion(found: Disagreements): Markup {
  const most = Math.max(1, ...found.firstErrors.map(({ traces }) => traces));
  const columns = places(found, 'mc');
  const cell = (judge: number | null, mc: number | null): Markup => {
    const traces = found.firstErrors.find((row) => row.judge === judge && row.mc === mc)?.traces ?? 0;
    return html`<td class="${judge === mc ? 'same' : ''}" style="--heat:${(traces / most).toFixed(3)}">
      ${traces === 0 ? '' : grouped(traces)}
    </td>`;
  };
  return html`<div class="card scroll">
    <p class="note">
      First error by the judge (rows) and by the rollouts (columns), as the number of the step. Outlined: the same.
    </p>
    <table class="heat">
      <thead>
        <tr>
          <td></td>
          ${columns.map((mc) => html`<th scope="col">${stepName(mc)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${places(found, 'judge').map(
          (judge) =>
            html`<tr>
              <th scope="row">${stepName(judge)}</th>
              ${columns.map((mc) => cell(judge, mc))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function example(trace: Trace, pictures: DisagreementsPageData['pictures']): Markup {
  const judges = trace.steps[0]?.judge.map(({ by }) => by) ?? [];
  const isWrong = (step: Trace['steps'][number]): boolean => step.judge.some(({ verdict }) => verdict === -1);
  return html`<article class="card puzzle">
    <figure>
      ${trace.images.map(
        ({ sha256, width, height }) =>
          html`<img
            src="${pictures[sha256] ?? ''}"
            width="${width}"
            height="${height}"
            alt="Picture of the question"
          />`,
      )}
      <figcaption>${trace.question}<br />Answer: <strong>${trace.answer ?? 'unknown'}</strong></figcaption>
    </figure>
    <div>
      <h3>Answers ${trace.finalAnswer ?? 'nothing readable'} (${trace.outcome})</h3>
      <div class="scroll">
        <table class="evidence">
          <thead>
            <tr>
              <th scope="col">Step</th>
              ${judges.map((by) => html`<th scope="col">${by}</th>`)}
              <th scope="col">Rollouts</th>
            </tr>
          </thead>
          <tbody>
            ${trace.steps.map(
              (step) =>
                html`<tr class="${isWrong(step) ? 'err' : ''}">
                  <th scope="row">${stepText(step)}</th>
                  ${step.judge.map(({ verdict }) => html`<td>${judgeVerdict(verdict)}</td>`)}
                  <td>${rollouts(step.mc)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </div>
  </article>`;
}

function examples({ found, traces, pictures }: DisagreementsPageData): Markup[] {
  return found.patterns
    .filter(({ pattern }) => PARTING.has(pattern))
    .map(({ pattern, traces: count, examples: ids }) => {
      const shown = ids.flatMap((id) => traces.get(id) ?? []);
      return html`<section id="${pattern}">
        <h2>${PATTERN_WORDS[pattern]}</h2>
        <p class="note">
          ${grouped(shown.length)} of ${grouped(count)}, drawn at random. Tinted: the judge calls it wrong.
        </p>
        ${shown.map((trace) => example(trace, pictures))}
      </section>`;
    });
}

/** `disagreements.html`: where judges and rollouts part, in counts and examples, without taking a side. */
export function disagreementsPage(data: DisagreementsPageData): string {
  const { found } = data;
  const { traces, judgedByBoth, sameVerdict, sameFirstError } = found;
  return htmlDocument({
    title: 'vlprm: where judge and rollouts part',
    style: PAGE_STYLE,
    body: html`<header class="top">
        <p class="kicker">vlprm, ${grouped(traces)} traces</p>
        <h1>Where judge and rollouts part</h1>
        <p class="lede">
          The judge reads a solution; rollouts only try whether it can still end right. Neither is the truth: what they
          say is compared here, and shown.
        </p>
      </header>
      <main>
        <div class="tiles">
          ${tile('both have a verdict', judgedByBoth, traces, 'traces')}
          ${tile('the same verdict', sameVerdict, judgedByBoth, 'of those')}
          ${tile('the same first error, or none', sameFirstError, judgedByBoth, 'of those')}
        </div>
        <section>
          <h2>Patterns</h2>
          ${patternTable(found)}
        </section>
        <section>
          <h2>Which step</h2>
          ${confusion(found)}
        </section>
        ${examples(data)}
      </main>
      <footer>Made by vlprm (Apache-2.0). The counts are in <code>disagreements.json</code> beside this page.</footer>`,
  });
}
