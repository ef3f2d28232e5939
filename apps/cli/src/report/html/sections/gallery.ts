import { decimal } from '../../format-number.ts';
import type { Gallery, GalleryItem, GallerySolution, GalleryStep } from '../../gallery-schema.ts';
import { html, type Markup } from '../markup.ts';
import { scoreBar } from '../score-bar.ts';
import { judgeVerdict, rollouts, stepText, verdict } from '../step-evidence.ts';

function stepRow(step: GalleryStep, threshold: number): Markup {
  return html`<tr class="${step.right ? '' : 'err'}">
    <th scope="row">${stepText(step)}</th>
    <td>${scoreBar(step.p, threshold)}</td>
    <td>${judgeVerdict(step.judge)}</td>
    <td class="n">${rollouts(step.mc)}</td>
    <td>${verdict(step.right)}</td>
  </tr>`;
}

function solution(item: GallerySolution, threshold: number): Markup {
  return html`<div class="solution">
    <h4>
      ${item.answerRight ? html`<span class="badge ok">✓ answer right</span>` : html`<span class="badge short">✕ answer wrong</span>`}
      ${item.role}: answers ${item.finalAnswer ?? 'nothing readable'}
      <span class="muted">whole solution scored ${decimal(item.oneShot, 2)}</span>
    </h4>
    <div class="scroll">
      <table class="steps">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">PRM score</th>
            <th scope="col">Judge</th>
            <th scope="col" class="n">Rollouts</th>
            <th scope="col">Truth</th>
          </tr>
        </thead>
        <tbody>
          ${item.steps.map((step) => stepRow(step, threshold))}
        </tbody>
      </table>
    </div>
  </div>`;
}

function puzzle(item: GalleryItem, threshold: number): Markup {
  return html`<article class="card puzzle" aria-label="${item.caption}">
    <figure>
      <img src="data:image/png;base64,${item.png}" width="${item.width}" height="${item.height}" alt="${item.alt}" />
      <figcaption>
        <strong>${item.family}</strong><br />${item.question}<br />Answer: <strong>${item.answer}</strong>
      </figcaption>
    </figure>
    <div>
      <h3>${item.caption}</h3>
      ${item.solutions.map((one) => solution(one, threshold))}
    </div>
  </article>`;
}

/** Test puzzles with solutions, right ones and wrong ones, step by step. */
export function gallerySection(gallery: Gallery): Markup {
  return html`<section id="gallery">
    <h2>Puzzles, step by step</h2>
    <p>
      The PRM score is its probability that a step is right, read from the picture and the text; below the mark (the
      threshold from validation) it calls the step wrong. Judge and rollouts (right ones of those sampled from here) are
      what labels would have been made of. Truth comes from the scene and reaches no model; wrong steps are tinted.
    </p>
    ${gallery.items.map((item) => puzzle(item, gallery.threshold))}
  </section>`;
}
