/** A piece of HTML that is safe to put into a page as it is. */
export interface Markup {
  readonly markup: string;
}

type Value = Markup | readonly Markup[] | string | number | null | false;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function isMarkup(value: Value): value is Markup {
  return typeof value === 'object' && value !== null && 'markup' in value;
}

function render(value: Value): string {
  if (value === null || value === false) return '';
  if (typeof value === 'string' || typeof value === 'number') {
    return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  }
  return isMarkup(value) ? value.markup : value.map((part) => part.markup).join('');
}

/** Template tag: interpolated strings are escaped, markup is kept, `null` and `false` leave nothing. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return { markup: strings.map((text, i) => text + render(values[i] ?? null)).join('') };
}

/** Text that is markup already, such as a style sheet of our own. */
export function trusted(markup: string): Markup {
  return { markup };
}
