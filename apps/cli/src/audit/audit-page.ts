import type { Audit, Trace } from '@vlprm/core/records';
import { contentHash } from '@vlprm/core/runtime';
import { htmlDocument } from '../report/html/document.ts';
import { html, trusted, type Markup } from '../report/html/markup.ts';
import { AUDIT_SCRIPT } from './audit-page-script.ts';

/** A picked trace beside its audit. */
export interface AuditedTrace {
  readonly audit: Audit;
  readonly trace: Trace;
}

/** What the page's script reads. */
export interface AuditPageData {
  /** Key of what is kept in the browser: pages of other picks do not share it. */
  readonly key: string;
  /** Data URLs by sha256. */
  readonly pictures: Readonly<Record<string, string>>;
  readonly items: readonly (Audit & {
    readonly question: string;
    readonly answer: string | null;
    readonly finalAnswer: string | null;
    readonly outcome: Trace['outcome'];
    readonly images: readonly string[];
    readonly steps: readonly Pick<Trace['steps'][number], 'kind' | 'text' | 'mc' | 'judge'>[];
  })[];
}

const AUDIT_STYLE = `
[hidden] { display: none !important; }
.bar { position: sticky; top: 0; z-index: 5; background: var(--card); border-bottom: 1px solid var(--rule); }
.bar > div { max-width: 1120px; margin: 0 auto; padding: 10px 28px; display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; }
.bar progress { width: 150px; height: 10px; accent-color: var(--accent); } .bar .grow { flex: 1; }
.bar input { font: inherit; padding: .3em .6em; border: 1px solid var(--rule); border-radius: 8px; background: var(--page); color: var(--ink); width: 11em; }
button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--rule); border-radius: 9px; padding: .4em .9em; cursor: pointer; }
button:disabled { opacity: .45; cursor: default; } button:focus-visible, input:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--page); font-weight: 620; }
.case { display: grid; grid-template-columns: minmax(220px, 420px) 1fr; gap: 30px; padding: 26px 0; align-items: start; }
#pictures { position: sticky; top: 76px; display: grid; gap: 12px; } #pictures img { width: 100%; border-radius: 10px; border: 1px solid var(--rule); background: #fff; }
#question { font-size: 1.18rem; font-weight: 620; white-space: pre-wrap; } #steps { list-style: none; margin: 0 0 14px; padding: 0; display: grid; gap: 6px; }
.step { width: 100%; text-align: left; display: grid; grid-template-columns: 1.8em 1fr; gap: 2px 8px; padding: .55em .8em; } .step:hover { border-color: var(--accent); }
.step .number { color: var(--soft); font-variant-numeric: tabular-nums; } .step .text { overflow-wrap: anywhere; white-space: pre-wrap; } .step .evidence { grid-column: 2; font-size: .84rem; color: var(--soft); }
.step.right { box-shadow: inset 3px 0 var(--right); } .step.wrong { box-shadow: inset 3px 0 var(--wrong); background: var(--wrong-soft); } .step.after { opacity: .6; }
#all-right[aria-pressed="true"] { background: var(--right-soft); border-color: var(--right); color: var(--right); font-weight: 620; }
.row { display: flex; flex-wrap: wrap; gap: 8px; margin: 0 0 14px; } #message { color: var(--wrong); min-height: 1.5em; margin: 0; } kbd { font: .82em ui-monospace, monospace; border: 1px solid var(--rule); border-radius: 5px; padding: .05em .4em; background: var(--card); }
@media (max-width: 760px) { .case { grid-template-columns: 1fr; } #pictures { position: static; } .bar > div { padding: 10px 18px; } }
`;

const KEYS = [
  ['↑ ↓', 'choose a step'],
  ['Enter', 'it is the first wrong one'],
  ['a', 'all steps are right'],
  ['← →', 'solution before, after'],
  ['n', 'next undecided'],
  ['c', 'clear'],
] as const;

/** JSON that may stand inside of a script element: no `<` can end it. */
const embedded = (data: AuditPageData): Markup => trusted(JSON.stringify(data).replaceAll('<', '\\u003c'));

function itemOf({ audit, trace }: AuditedTrace): AuditPageData['items'][number] {
  const { question, answer, finalAnswer, outcome, images } = trace;
  return {
    ...audit,
    question,
    answer,
    finalAnswer,
    outcome,
    images: images.map(({ sha256 }) => sha256),
    steps: trace.steps.map(({ kind, text, mc, judge }) => ({ kind, text, mc, judge })),
  };
}

const BODY = html`<div class="bar">
    <div>
      <strong id="position"></strong>
      <progress id="bar" value="0" aria-label="decided"></progress><span id="done"></span><span class="grow"></span>
      <label>Audited by <input id="name" autocomplete="name" /></label>
      <button id="download" type="button" class="main">Download audit.jsonl</button>
    </div>
  </div>
  <main>
    <div class="case">
      <div id="pictures"></div>
      <div>
        <p id="question"></p>
        <p class="note">
          Which step is the first that the picture, or the steps before it, show to be wrong? What judge and rollouts
          say is shown once you have decided.
        </p>
        <ol id="steps"></ol>
        <p>It answers <strong id="answer"></strong></p>
        <div class="row">
          <button id="all-right" type="button">All steps are right</button>
          <button id="clear" type="button">Clear</button>
        </div>
        <dl id="revealed" class="facts" hidden>
          <dt>Answer</dt>
          <dd id="outcome"></dd>
          <dt>Picked as</dt>
          <dd id="stratum"></dd>
          <dt>Decided by</dt>
          <dd id="by"></dd>
        </dl>
        <p id="message" role="status"></p>
        <div class="row">
          <button id="previous" type="button">← Before</button>
          <button id="next" type="button">After →</button>
          <button id="undecided" type="button">Next undecided</button>
        </div>
        <p class="note">${KEYS.map(([key, does]) => html`<kbd>${key}</kbd> ${does} &nbsp; `)}</p>
        <p class="note" id="kept"></p>
      </div>
    </div>
  </main>`;

/**
 * A page on which a person goes through the picked traces and downloads the audit file. It needs nothing but itself.
 * @param pictures data URLs of the images by sha256
 */
export function auditPage(picked: readonly AuditedTrace[], pictures: Readonly<Record<string, string>>): string {
  const items = picked.map(itemOf);
  const key = `vlprm.audit ${contentHash(picked.map(({ audit: { traceId } }) => traceId))}`;
  return htmlDocument({
    title: `vlprm audit of ${items.length} solutions`,
    style: AUDIT_STYLE,
    scripts: true,
    body: html`${BODY}
      <script id="data" type="application/json">
        ${embedded({ key, pictures, items })}
      </script>
      <script>
        ${trusted(AUDIT_SCRIPT)};
      </script>`,
  });
}
