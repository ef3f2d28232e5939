import type { Outcome } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';

/** Longest number, in characters with its exponent unfolded, that is compared by value. */
const MAX_DIGITS = 400;

const DECIMAL = /^([+-]?)(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d+)?)?(?:e([+-]?\d{1,4}))?$/;

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}

/** `[numerator, denominator]` of a decimal numeral, or null when the text is none. */
function parseDecimal(text: string): [bigint, bigint] | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole.replaceAll(',', '') + fraction;
  const shift = Number(exponent) - fraction.length;
  if (digits === '' || digits.length + Math.abs(shift) > MAX_DIGITS) return null;
  const value = BigInt(digits) * (sign === '-' ? -1n : 1n);
  return shift >= 0 ? [value * 10n ** BigInt(shift), 1n] : [value, 10n ** BigInt(-shift)];
}

/** Canonical text of a decimal or of a fraction of decimals, exact: `0.50` and `1/2` are both `1/2`. */
function canonicalNumber(text: string): string | null {
  const compact = text.replace(/^([+-])\s+/, '$1');
  const parts = compact.split('/').map((part) => parseDecimal(part.trim()));
  const [above, below = [1n, 1n] as [bigint, bigint]] = parts;
  if (parts.length > 2 || !above || !below || below[0] === 0n) return null;
  let numerator = above[0] * below[1];
  let denominator = above[1] * below[0];
  if (denominator < 0n) [numerator, denominator] = [-numerator, -denominator];
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, denominator);
  return denominator === divisor ? `${numerator / divisor}` : `${numerator / divisor}/${denominator / divisor}`;
}

/** Removes what is only dressing: LaTeX delimiters and text commands, quotes, full stops, case, spacing. */
function undress(answer: string): string {
  return answer
    .normalize('NFC')
    .replace(/[！-～]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(/[−–]/g, '-')
    .replace(/\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, '$1/$2')
    .replace(/\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}/g, '$1')
    .replace(/\\[,;! ]/g, ' ')
    .replace(/\\?\$/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^["'`“‘]+|["'`”’]+$/g, '')
    .replace(/[.;!]+$/, '')
    .trim()
    .toLowerCase();
}

/** Canonical form without options: a number by value, else the undressed words; null when nothing is left. */
function canonicalFree(answer: string): string | null {
  const plain = undress(answer);
  const single = /^[([]\s*([a-z])\s*[)\]]$|^([a-z])[):]$/.exec(plain);
  if (single) return single[1] ?? single[2] ?? null;
  return canonicalNumber(plain) ?? (plain.replace(/ ?, ?/g, ',') || null);
}

const letterAt = (index: number): string => String.fromCharCode(65 + index);

/** Option texts without their own letters, which are removed only where every option carries the letter of its place. */
function optionTexts(options: readonly string[]): string[] {
  const lettered = options.map((option) => /^\s*\(?([A-Za-z])(?:[).:]+\s*|\s+)(\S.*)$/s.exec(option));
  const complete =
    options.length > 1 && lettered.every((match, index) => match?.[1]?.toUpperCase() === letterAt(index));
  return complete ? lettered.map((match) => match?.[2] ?? '') : [...options];
}

/** Letter of the option that the answer names, by its letter or by its text; null when it names none. */
function optionLetter(answer: string, options: readonly string[]): string | null {
  const key = canonicalFree(answer);
  if (key === null) return null;
  if (/^[a-z]$/.test(key) && key.charCodeAt(0) - 97 < options.length) return key.toUpperCase();
  const texts = optionTexts(options).map(canonicalFree);
  const letterAndText = /^\(?([a-z])(?:[).:]+ ?| )(\S.*)$/.exec(undress(answer));
  if (letterAndText) {
    const [, letter = '', text = ''] = letterAndText;
    if (texts[letter.charCodeAt(0) - 97] === canonicalFree(text)) return letter.toUpperCase();
  }
  const named = texts.flatMap((text, index) => (text === key ? [index] : []));
  return named.length === 1 ? letterAt(named[0] as number) : null;
}

/**
 * Canonical form of an answer, the key that votes and checks compare: the upper-case letter of an option (given as `B`,
 * `(B)`, `B.`, `B: text` or by its text), else an exact number (`1,000.0` is `1000`, `0.5` is `1/2`), else the words in
 * lower case without dressing. A letter is read as a letter before it is read as an option's text.
 * Null when the answer is null or nothing can be read from it: unparsable, which is not wrong.
 */
export function canonicalAnswer(answer: string | null, options: readonly string[] | null): string | null {
  if (answer === null) return null;
  return (options && optionLetter(answer, options)) ?? canonicalFree(answer);
}

/**
 * Verdict on one answer. Equality of canonical forms, so it is an equivalence relation: no substring and no tolerance.
 * ERR_DATASET_INVALID when the reference itself cannot be read.
 */
export function checkAnswer(answer: string | null, reference: string, options: readonly string[] | null): Outcome {
  const expected = canonicalAnswer(reference, options);
  if (expected === null) {
    throw new VlprmError(
      'ERR_DATASET_INVALID',
      `a reference answer that cannot be read: ${JSON.stringify(reference)}`,
      {
        fix: 'give the problem a reference answer, or leave it out of the run',
      },
    );
  }
  const given = canonicalAnswer(answer, options);
  if (given === null) return 'unparsable';
  return given === expected ? 'correct' : 'incorrect';
}

interface AnswerPair {
  readonly answer: string | null;
  readonly reference: string;
  readonly options: readonly string[] | null;
}

/** Checks pairs by `checkAnswer`, each distinct answer to the same question once. */
function checkPairs(pairs: readonly AnswerPair[]): Outcome[] {
  const verdicts = new Map<readonly string[] | null, Map<string, Outcome>>();
  return pairs.map(({ answer, reference, options }) => {
    const known = verdicts.get(options) ?? new Map<string, Outcome>();
    verdicts.set(options, known);
    const key = JSON.stringify([answer, reference]);
    const verdict = known.get(key) ?? checkAnswer(answer, reference, options);
    known.set(key, verdict);
    return verdict;
  });
}

/** The default answer checker. Errors as `checkAnswer`. */
export function createAnswerChecker(): { check(pairs: readonly AnswerPair[]): Outcome[] } {
  return { check: checkPairs };
}
