import { duration, grouped } from '../format-number.ts';
import type { Gallery, GalleryItem, GallerySolution, GalleryStep } from '../gallery-schema.ts';
import type { Report } from '../report-schema.ts';
import { scoreBar } from './score-bar.ts';
import { htmlDocument } from './document.ts';
import { html, type Markup } from './markup.ts';
import { accuracySection } from './sections/accuracy.ts';
import { findingSection } from './sections/findings.ts';
import { gallerySection } from './sections/gallery.ts';
import { headlineSection } from './sections/headline.ts';
import { labelSection } from './sections/labels.ts';
import { provenanceSection } from './sections/provenance.ts';
import { sightSection } from './sections/sight.ts';
import { stepErrorSection } from './sections/step-errors.ts';

const CONTENTS = [
  ['targets', 'Targets'],
  ['answers', 'Better answers'],
  ['steps', 'Step errors'],
  ['sight', 'Does it look?'],
  ['labels', 'Labels'],
  ['paper', 'Against the paper'],
  ['gallery', 'Puzzles'],
  ['run', 'How this was made'],
] as const;

/** True when the first wrong step is not the first step, and the PRM calls everything right up to it and nothing else. */
function isCleanCatch({ steps }: GallerySolution, threshold: number): boolean {
  const error = steps.findIndex((step) => !step.right);
  return error > 0 && steps.slice(0, error + 1).every((step) => step.right === step.p >= threshold);
}

/** A solution whose first wrong step the PRM singles out, or else the first solution of the gallery. */
function showpiece({ items, threshold }: Gallery): { item: GalleryItem; solution: GallerySolution } | null {
  const pairs = items.flatMap((item) => item.solutions.map((solution) => ({ item, solution })));
  return pairs.find(({ solution }) => isCleanCatch(solution, threshold)) ?? pairs[0] ?? null;
}

function heroStep(step: GalleryStep, threshold: number): Markup {
  return html`<li class="${step.right ? '' : 'err'}">
    <span class="text">${step.text}</span>${scoreBar(step.p, threshold)}
  </li>`;
}

function hero(gallery: Gallery): Markup {
  const shown = showpiece(gallery);
  if (shown === null) return html``;
  const { item, solution } = shown;
  const error = solution.steps.findIndex((step) => !step.right);
  const note =
    error < 0
      ? 'Every step of this solution is right; the bars are what the PRM thinks of each.'
      : `Step ${error + 1} of this solution is wrong. The bars are what the PRM thinks of each step; the mark is where it calls one wrong.`;
  return html`<figure>
    <img src="data:image/png;base64,${item.png}" width="${item.width}" height="${item.height}" alt="${item.alt}" />
    <ol>
      ${solution.steps.map((step) => heroStep(step, gallery.threshold))}
    </ol>
    <figcaption>${note}</figcaption>
  </figure>`;
}

function opening(report: Report, gallery: Gallery): Markup {
  return html`<header class="top">
    <div class="hero">
      <div>
        <p class="kicker">vlprm, run with seed ${report.seed}, ${report.createdAt.slice(0, 10)}</p>
        <h1>A reward model that checks what was seen</h1>
        <p class="lede">
          In <strong>${duration(report.timings.totalSeconds)}</strong> this run drew ${grouped(report.problems.train)}
          puzzles, labelled ${grouped(report.synthesis.traces)} solutions with rollouts and a judge, trained a
          vision-language process reward model on them, and measured it on
          <strong>${grouped(report.problems.testNovel)} puzzles with scenes it never saw</strong>.
        </p>
      </div>
      ${hero(gallery)}
    </div>
    <nav aria-label="Contents">${CONTENTS.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav>
  </header>`;
}

/** `report.html`: one self-contained page. */
export function reportPage(report: Report, gallery: Gallery): string {
  return htmlDocument({
    title: `vlprm report, seed ${report.seed}`,
    body: html`<a class="skip" href="#content">Skip to the figures</a>
      ${opening(report, gallery)}
      <main id="content">
        ${headlineSection(report)} ${accuracySection(report)} ${stepErrorSection(report)} ${sightSection(report)}
        ${labelSection(report)} ${findingSection(report)} ${gallerySection(gallery)} ${provenanceSection(report)}
      </main>
      <footer>Made by vlprm (Apache-2.0). The figures are in <code>report.json</code> beside this page.</footer>`,
  });
}
