import { decimal } from '../format-number.ts';
import { html, type Markup } from './markup.ts';

/** A probability in [0, 1] as a bar with its figure and a mark at the threshold; the colour says on which side it falls. */
export function scoreBar(p: number, threshold: number): Markup {
  return html`<span class="score"
    ><span class="track"
      ><span class="fill ${p < threshold ? 'low' : 'high'}" style="width:${(100 * p).toFixed(1)}%"></span
      ><span class="tick" style="left:${(100 * threshold).toFixed(1)}%"></span></span
    ><span>${decimal(p, 2)}</span></span
  >`;
}
