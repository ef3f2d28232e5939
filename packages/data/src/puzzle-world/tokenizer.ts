import { FAMILIES } from './families/index.ts';
import { ATTRIBUTES, CELL_NAMES, FAMILY_IDS } from './family.ts';

/** Most tokens of a question with its solution. */
export const MAX_TOKENS = 112;

const SPECIAL = ['<pad>', '<unk>', '<question>', '<perception>', '<reasoning>', '<end>'] as const;

/** Words of the prose around attributes, numbers and cell names. */
const PROSE =
  'row column cell blank options a b c d what size shape color belongs in the at every of numbers follows one rule which ' +
  'number is missing each polygon from its sides how many shapes grid are not kind breaks pattern sizes it keeps and ' +
  'holds once corners share edges another third sum first two difference product equals plus minus times count x rows hold ' +
  'total has have so with but should be odd answer';

/** Every word that a question or a step of the puzzle world can hold, in alphabetical order. */
function words(): string[] {
  const rules = FAMILY_IDS.flatMap((id) => {
    const query = {
      family: id,
      blank: 0,
      target: 'shape',
      options: null,
      counted: { word: 'circle', negated: false },
    } as const;
    return Array.from({ length: FAMILIES[id].ruleCount }, (_, rule) => FAMILIES[id].ruleText(rule, query));
  });
  const text = [PROSE, ...rules, ...CELL_NAMES, ...Object.values(ATTRIBUTES).flat()].join(' ');
  return [...new Set(text.toLowerCase().match(/[a-z0-9]+/g))].sort();
}

const replace = (pattern: string, content: string) => ({ type: 'Replace', pattern: { Regex: pattern }, content });

/**
 * The puzzle world's tokenizer in the Hugging Face `tokenizer.json` format: lower-cased words without punctuation,
 * the marks of the step grammar as special tokens, so that a whole solution reads the same as its turns one by one.
 */
export function tokenizerJson(): Record<string, unknown> {
  const vocabulary = [...SPECIAL, ...words()];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        replace('### Question:', ' <question> '),
        replace('### Solution Process:', ' '),
        replace('\\[(Visual Elements|Perception)\\]', ' <perception> '),
        replace('\\[Reasoning\\]', ' <reasoning> '),
        replace('<step_[0-9]+>', ' '),
        replace('</step_[0-9]+>', ' <end> '),
        replace('[^A-Za-z0-9<>]+', ' '),
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])),
      unk_token: '<unk>',
    },
  };
}
