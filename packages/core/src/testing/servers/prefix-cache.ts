import type { Token } from './tokenizer.ts';

const BLOCK = 16;
const MOST_BLOCKS = 50_000;

/**
 * Counts the tokens of a prompt that an earlier prompt began with, in whole blocks of 16 as paged attention keeps them;
 * the last token is always computed. Remembers the prompt.
 */
export function createPrefixCache(): (tokens: readonly Token[]) => number {
  const blocks = new Set<string>();
  return (tokens) => {
    if (blocks.size > MOST_BLOCKS) blocks.clear();
    let cached = 0;
    let hash = 0;
    for (let end = BLOCK; end < tokens.length; end += BLOCK) {
      for (const { id } of tokens.slice(end - BLOCK, end)) hash = (Math.imul(hash ^ id, 0x01000193) + id) >>> 0;
      const key = `${end}:${hash}`;
      if (cached === end - BLOCK && blocks.has(key)) cached = end;
      blocks.add(key);
    }
    return cached;
  };
}
