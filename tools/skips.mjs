// What a skipped test needed, and whether its absence is an error here.

/**
 * @typedef {'gpu' | 'llama' | 'python' | 'services' | 'browser' | 'native'} Need
 * @typedef {{ name: string, reason: string | null }} Skip
 */

/** First match wins: a CUDA test that has no GPU lacks the GPU, although CUDA code is native code too. @type {readonly (readonly [Need, RegExp])[]} */
const WORDS = [
  ['gpu', /\b(gpu|cuda|nvidia|nvcc)\b/i],
  ['llama', /\bllama-server\b/i],
  ['python', /\b(python|torch|pytorch|numpy|onnxscript)\b/i],
  ['services', /\b(redis|postgres|postgresql)\b/i],
  ['browser', /\b(browser|chromium|playwright)\b/i],
  ['native', /\b(native|addon|compiler|cmake|c\+\+)/i],
];

/** The variable that turns a skip into an error. A GPU is never required. @type {Readonly<Partial<Record<Need, string>>>} */
export const REQUIRED_BY = {
  python: 'VLPRM_PYTHON',
  llama: 'VLPRM_LLAMA_SERVER',
  services: 'VLPRM_SERVICES',
  browser: 'VLPRM_BROWSER',
  native: 'VLPRM_NATIVE',
};

/**
 * What was missing, read from the stated reason.
 *
 * @param {string} reason
 * @returns {Need | null} null when the reason names none of the known needs
 */
export function needOf(reason) {
  return WORDS.find(([, words]) => words.test(reason))?.[0] ?? null;
}

/**
 * Why a skip is a failure, if it is one: it states no reason, or what it lacks is required by the environment.
 *
 * @param {Skip} skip
 * @param {NodeJS.ProcessEnv} environment
 * @returns {string | null}
 */
export function skipFailure(skip, environment) {
  if (skip.reason === null)
    return 'skipped without a reason; state it with context.skip(reason) or "(needs …)" in the name';
  const need = needOf(skip.reason);
  const variable = need === null ? undefined : REQUIRED_BY[need];
  return variable !== undefined && environment[variable] === 'required'
    ? `${variable}=required, but skipped: ${skip.reason}`
    : null;
}

/**
 * One line per reason, which is not said twice where the name states it.
 *
 * @param {readonly Skip[]} skips
 * @returns {string[]}
 */
export function skipLines(skips) {
  /** @type {Map<string, string[]>} */
  const byReason = new Map();
  for (const { name, reason } of skips) {
    const key = reason ?? 'no reason stated';
    byReason.set(key, [...(byReason.get(key) ?? []), name]);
  }
  return [...byReason].map(([reason, names]) => {
    const more = names.length > 1 ? ` (and ${names.length - 1} more)` : '';
    const name = names[0]?.replace(` (${reason})`, '');
    return `${name}${more}: ${reason}`;
  });
}
