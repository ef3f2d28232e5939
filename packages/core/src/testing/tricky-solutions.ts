import type { Prefix } from '../models/ports.ts';
import { hashOfImage } from '../models/image.ts';
import { PROBLEM_SCHEMA, type Step } from '../records/index.ts';
import { contentHash } from '../runtime/content-hash.ts';
import { createRandom, seedFrom } from '../runtime/random.ts';
import type { Faults } from './faults.ts';
import { createScriptedPrm, type ScriptedPrm } from './scripted-prm.ts';

/** A PNG of one pixel. */
export const TINY_PNG: Uint8Array = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Signs, line breaks and scripts that shift what is found by a token's id or by counting characters. */
export const TRICKY_STEPS: readonly Step[] = [
  { kind: 'perception', text: 'There are 3 + 4 - 2 dots: + and - signs, "<extra>"' },
  { kind: 'perception', text: 'A red ☂ and 三角形' },
  { kind: 'reasoning', text: '+' },
  { kind: 'reasoning', text: '-\n+ list\n- item' },
  { kind: 'reasoning', text: 'so 3 + 4 - 2 = 5 +' },
];

/** A problem with one image, and these steps of its solution. */
export function solutionOf(
  steps: readonly Step[],
  { id = 'p1', question = 'How many dots? + or -?', image = TINY_PNG } = {},
): Prefix {
  return {
    problem: { schema: PROBLEM_SCHEMA, id, groupId: id, images: [], question, options: null, source: 'test' },
    images: [image],
    steps,
  };
}

/** A PRM whose logit of a step is drawn from the question, the image and the steps up to it. */
export function prefixPrm(faults: Faults = {}): ScriptedPrm {
  return createScriptedPrm({
    ...faults,
    script: (_, index, { problem, images, steps }) => {
      const prefix = contentHash([problem.question, images.map(hashOfImage), steps.slice(0, index + 1)]);
      return 1 / (1 + Math.exp(-2 * createRandom(seedFrom(prefix)).normal()));
    },
  });
}
