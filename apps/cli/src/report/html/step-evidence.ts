import type { StepLabel, StepValue } from '@vlprm/core/records';
import { html, type Markup } from './markup.ts';

/** What a step of a kind does. */
export const KIND_WORDS = { perception: 'sees', reasoning: 'concludes' } as const;

/** A step's text behind the word for its kind. */
export function stepText({
  kind,
  text,
}: {
  readonly kind: keyof typeof KIND_WORDS | null;
  readonly text: string;
}): Markup {
  return html`${kind === null ? null : html`<span class="kind ${kind}">${KIND_WORDS[kind]}</span>`}${text}`;
}

export function verdict(right: boolean | null): Markup {
  if (right === null)
    return html`<span class="v-none"><span aria-hidden="true">–</span><span class="unseen">not said</span></span>`;
  return right ? html`<span class="v-ok">✓ right</span>` : html`<span class="v-bad">✕ wrong</span>`;
}

export function judgeVerdict(label: StepLabel): Markup {
  return verdict(label === 1 ? true : label === -1 ? false : null);
}

/** Right rollouts over those that came to an end; a failed rollout is no evidence. */
export function rollouts(value: StepValue | null): Markup {
  if (value === null) return html`<span class="v-none">–</span>`;
  const completed = value.correct + value.incorrect + value.unparsable;
  return html`${value.correct}/${completed}`;
}
