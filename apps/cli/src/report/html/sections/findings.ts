import type { Finding, Report } from '../../report-schema.ts';
import { html, type Markup } from '../markup.ts';

const VERDICTS: Readonly<Record<Finding['verdict'], { readonly kind: string; readonly word: string }>> = {
  agrees: { kind: 'ok', word: '✓ agrees' },
  disagrees: { kind: 'short', word: '✕ disagrees' },
  undecided: { kind: 'open', word: '– undecided' },
};

/** Claims of the paper beside what this run measured, the unwelcome ones included. */
export function findingSection(report: Report): Markup {
  return html`<section id="paper">
    <h2>Against the paper</h2>
    <p>
      What the paper claims, and what this small world shows. It says something about the method, nothing about any
      large model.
    </p>
    <div class="card">
      ${report.findings.map(
        (finding) =>
          html`<div class="finding">
            <div><span class="badge ${VERDICTS[finding.verdict].kind}">${VERDICTS[finding.verdict].word}</span></div>
            <div>
              <p class="claim">${finding.claim}</p>
              <p class="measured">${finding.measured}</p>
            </div>
          </div>`,
      )}
    </div>
  </section>`;
}
