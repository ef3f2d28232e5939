import { percent } from '../format-number.ts';
import { html, type Markup } from './markup.ts';

/** One line of a `.bars` grid: a name, a share in [0, 1] as a bar, and its figure. */
export function rateBar(name: string, value: number | null, tone: 'measured' | 'before' | 'alarm'): Markup {
  return html`<span>${name}</span
    ><span class="track"><span class="fill ${tone}" style="width:${((value ?? 0) * 100).toFixed(1)}%"></span></span
    ><b>${percent(value)}</b>`;
}
