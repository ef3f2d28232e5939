import { decimal, grouped, percent } from '../../format-number.ts';
import type { Report } from '../../report-schema.ts';
import { html, type Markup } from '../markup.ts';
import { rateBar } from '../rate-bar.ts';

/** Whether the PRM looks at the picture: swaps, one-attribute edits and the blind control. */
export function sightSection(report: Report): Markup {
  const { imageSwap, imageEdit, blind } = report.gates;
  return html`<section id="sight">
    <h2>Does it look at the picture?</h2>
    <p>
      A PRM can learn what right solutions sound like and never look. So take solutions without an error, leave the text
      alone, and change the picture under them.
    </p>
    <div class="grid two">
      <div class="card">
        <h3>Another picture of the same family</h3>
        <p class="note">
          ${grouped(imageSwap.traces)} clean solutions; flagged when any perception step falls below the gate threshold.
          Mean probability of the perception steps ${decimal(imageSwap.meanPBefore)} before,
          ${decimal(imageSwap.meanPAfter)} after.
        </p>
        <div class="bars">
          ${rateBar('own picture', imageSwap.flaggedBefore, 'before')}${rateBar('swapped', imageSwap.flagged, 'measured')}
        </div>
      </div>
      <div class="card">
        <h3>One attribute edited</h3>
        <p class="note">
          ${grouped(imageEdit.edits)} edits; flagged when the step that claims the attribute falls below the gate
          threshold. Mean probability ${decimal(imageEdit.meanPBefore)} before, ${decimal(imageEdit.meanPAfter)} after.
        </p>
        <div class="bars">
          ${rateBar('own picture', imageEdit.flaggedBefore, 'before')}${rateBar('edited', imageEdit.flagged, 'measured')}${rateBar('edited, blind PRM', blind.imageEditFlagged, 'before')}
        </div>
      </div>
    </div>
    <div class="card">
      <h3>The blind control</h3>
      <p class="note" style="margin:0">
        The same PRM trained and run with the image hidden: perception F1 ${decimal(blind.perceptionF1)} (AUROC
        ${decimal(blind.perceptionAuroc)}), reasoning F1 ${decimal(blind.reasoningF1)} (AUROC
        ${decimal(blind.reasoningAuroc)}), one-shot@16 accuracy ${percent(blind.oneShot16)}. The regularity of text
        alone goes that far, so no figure on this page should be read without it.
      </p>
    </div>
  </section>`;
}
