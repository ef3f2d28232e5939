/**
 * Index just past the `}` that closes the `{` at `open`, or -1 when it is never closed.
 * A backslash takes the character after it out of the count, as in LaTeX.
 */
export function balancedEnd(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i += 1;
    else if (char === '{') depth += 1;
    else if (char === '}' && --depth === 0) return i + 1;
  }
  return -1;
}

/** `\boxed{`, also where a JSON reader has turned `\b` into a backspace. */
const BOX = /(?:\\b|\u0008)oxed\s*\{/g;

/** Content of the last `\boxed{…}` whose braces balance, trimmed; null when there is none or it is blank. */
export function extractBoxed(text: string): string | null {
  for (const match of [...text.matchAll(BOX)].reverse()) {
    const open = match.index + match[0].length - 1;
    const end = balancedEnd(text, open);
    if (end > 0) return text.slice(open + 1, end - 1).trim() || null;
  }
  return null;
}

const ANSWER_BLOCK = /<correct_answer>([\s\S]*?)(?:<\/correct_answer>|$)/gi;

/**
 * The final answer of a solution's text: the last box of the last `<correct_answer>` block, or that block itself when
 * it is a single line without a box; without a block, the last box of the whole text.
 * Null when nothing can be read: the whole text is never taken for an answer.
 */
export function extractAnswer(text: string): string | null {
  const block = [...text.matchAll(ANSWER_BLOCK)].at(-1)?.[1];
  if (block === undefined) return extractBoxed(text);
  const content = block.trim();
  if (/(?:\\b|\u0008)oxed/.test(content)) return extractBoxed(content);
  const bare = content.replace(/^\$+\s*|\s*\$+$/g, '');
  return bare === '' || bare.includes('\n') ? null : bare;
}
