/** A token of the servers' vocabulary. */
export interface Token {
  readonly id: number;
  readonly text: string;
}

/** Ids as Qwen2.5 numbers its special tokens; `<extra_0>` as Qwen2.5-Math-PRM does. */
export const SPECIAL_TOKENS = {
  '<|endoftext|>': 151_643,
  '<|im_start|>': 151_644,
  '<|im_end|>': 151_645,
  '<extra_0>': 151_651,
  '<|vision_start|>': 151_652,
  '<|vision_end|>': 151_653,
  '<|image_pad|>': 151_655,
} as const;

const SPECIAL_TEXT = new Map<number, string>(Object.entries(SPECIAL_TOKENS).map(([text, id]) => [id, text]));
const SPECIAL_ID = new Map<string, number>(Object.entries(SPECIAL_TOKENS));
const PIECE = /<\|[a-z_]+\|>|<extra_0>| ?[A-Za-z]{1,3}| ?\d| ?[!-/:-@[-`{-~]|[\s\S]/gu;

const FIRST_PRINTABLE = 33;
const LAST_PRINTABLE = 126;
const PACKED = 200_000;
const BITS = 7;
const BEYOND_ASCII = PACKED + 2 ** (4 * BITS);

/** Single printable characters have the ids of byte-level BPE vocabularies: `+` is 10 and `-` is 12. */
function idOf(text: string): number {
  const special = SPECIAL_ID.get(text);
  if (special !== undefined) return special;
  const first = text.codePointAt(0) ?? 0;
  if (text.length === 1 && first >= FIRST_PRINTABLE && first <= LAST_PRINTABLE) return first - FIRST_PRINTABLE;
  if (first > 127) return BEYOND_ASCII + first;
  let packed = 0;
  for (let i = 0; i < text.length; i++) packed = packed * 2 ** BITS + text.charCodeAt(i);
  return PACKED + packed;
}

/** Text of a token id; null for an id that is not in the vocabulary. */
export function tokenText(id: number): string | null {
  const special = SPECIAL_TEXT.get(id);
  if (special !== undefined) return special;
  if (id >= 0 && id <= LAST_PRINTABLE - FIRST_PRINTABLE) return String.fromCharCode(id + FIRST_PRINTABLE);
  if (id > BEYOND_ASCII + 127 && id <= BEYOND_ASCII + 0x10_ffff) return String.fromCodePoint(id - BEYOND_ASCII);
  if (id < PACKED || id >= BEYOND_ASCII) return null;
  let text = '';
  for (let rest = id - PACKED; rest > 0; rest = Math.floor(rest / 2 ** BITS)) {
    text = String.fromCharCode(rest % 2 ** BITS) + text;
  }
  return text === '' ? null : text;
}

/**
 * Cuts a text into tokens: special tokens, up to three letters, digits and signs (these with a space before them, if
 * there is one), other characters one by one. Joined, their texts are the text; `+` in the middle of a text is the same
 * token as the label `+`, as it is in real vocabularies.
 */
export function tokenize(text: string): Token[] {
  return (text.match(PIECE) ?? []).map((piece) => ({ id: idOf(piece), text: piece }));
}
