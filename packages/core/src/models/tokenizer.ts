import * as huggingFace from '@huggingface/tokenizers';
import { VlprmError } from '../runtime/errors.ts';

/** Turns text into the token ids of a base. */
export interface Tokenizer {
  /** ERR_TOKEN_UNKNOWN when a word is not in the vocabulary; `where` names the text in the error. */
  encode(text: string, where?: string): readonly number[];
  /** Id of a token, null when the vocabulary does not have it. */
  idOf(token: string): number | null;
}

/** The part of the library that is used. Its own declarations import without extensions, which nodenext does not resolve. */
interface TokenizerModel {
  encode(
    text: string,
    options: { add_special_tokens: boolean },
  ): { readonly ids: readonly (number | undefined)[]; readonly tokens: readonly string[] };
  token_to_id(token: string): number | undefined;
}
const { Tokenizer: HuggingFaceTokenizer } = huggingFace as unknown as {
  Tokenizer: new (tokenizer: object, config: object) => TokenizerModel;
};

/** Turns repeat: a policy words the same observation the same way, so most encodings are looked up. */
const REMEMBERED_TEXTS = 50_000;

/**
 * Reads a `tokenizer.json` in the Hugging Face format. ERR_FILE_MALFORMED when it is none; `where` names the file.
 * A word outside the vocabulary is an error, never the unknown token: a score of a text that was not read means nothing.
 */
export function parseTokenizer(json: string, where = 'tokenizer.json'): Tokenizer {
  const { model, unknownToken } = openTokenizer(json, where);
  const unknownId = unknownToken === null ? null : (model.token_to_id(unknownToken) ?? null);
  const remembered = new Map<string, readonly number[]>();
  const encode = (text: string, textWhere: string): readonly number[] => {
    const { ids, tokens } = model.encode(text, { add_special_tokens: false });
    const at = ids.findIndex((id) => id === undefined || id === unknownId);
    if (at >= 0) throw unknownWord(tokens[at] ?? '', textWhere);
    return ids as readonly number[];
  };
  return {
    encode(text, textWhere = 'text') {
      const known = remembered.get(text);
      if (known !== undefined) return known;
      const ids = encode(text, textWhere);
      if (remembered.size >= REMEMBERED_TEXTS) remembered.clear();
      remembered.set(text, ids);
      return ids;
    },
    idOf: (token) => model.token_to_id(token) ?? null,
  };
}

function unknownWord(word: string, where: string): VlprmError {
  return new VlprmError('ERR_TOKEN_UNKNOWN', `the base does not know the word "${word}"`, {
    where,
    fix: 'use the words of the base, or a base that knows this one',
  });
}

function openTokenizer(json: string, where: string): { model: TokenizerModel; unknownToken: string | null } {
  try {
    const config = JSON.parse(json) as { model?: { unk_token?: string | null } };
    const unknownToken = config.model?.unk_token ?? null;
    return { model: new HuggingFaceTokenizer(config, { unk_token: unknownToken }), unknownToken };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VlprmError('ERR_FILE_MALFORMED', `not a Hugging Face tokenizer (${reason})`, {
      where,
      fix: 'give a tokenizer.json',
      cause,
    });
  }
}
