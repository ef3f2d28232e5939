/**
 * What a prompt or an answer is put together with: tags of our grammars, closing and coded ones too, and section
 * headings. Only the first sign of each is matched: without it the rest is plain text.
 */
const STRUCTURE =
  /<(?=\s*\/?\s*(?:question|solution|step|analysis|conclusion|correct_answer)(?![a-z]))|\[(?=\s*(?:visual elements|perception|reasoning)\s*\])/gi;
/** What `quoteText` writes, and what would be read as such. */
const WRITTEN = /&((?:amp;)*)(lt;|#91;)/g;

/**
 * A text as a prompt may quote it: nothing in it reads as a tag or a heading of our grammars, whatever somebody has
 * written into it. `<` and `[` become `&lt;` and `&#91;` where they would begin one; everything else stays as it is.
 * `restoreText` is its inverse.
 */
export function quoteText(text: string): string {
  return text.replace(WRITTEN, '&amp;$1$2').replace(STRUCTURE, (sign) => (sign === '<' ? '&lt;' : '&#91;'));
}

/** The text that `quoteText` has quoted. */
export function restoreText(quoted: string): string {
  return quoted.replace(WRITTEN, (_, escapes: string, sign: string) => {
    if (escapes !== '') return `&${escapes.slice('amp;'.length)}${sign}`;
    return sign === 'lt;' ? '<' : '[';
  });
}
