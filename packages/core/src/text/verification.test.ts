import { describe, expect, it } from 'vitest';
import type { Step } from '../records/index.ts';
import { parseVerification } from './verification.ts';

const steps: Step[] = [
  { kind: 'perception', text: 'There are 3.' },
  { kind: 'perception', text: 'They are red.' },
  { kind: 'reasoning', text: 'There are 3.' },
  { kind: 'reasoning', text: 'So the answer is 3.' },
];
const reply = (analyses: string, conclusion: string): string => `${analyses}\n<conclusion>${conclusion}</conclusion>`;

describe('parseVerification', () => {
  it('passes every step of a solution that was found right', () => {
    expect(parseVerification(reply('[Reasoning]<analysis_2>fine</analysis_2>', 'Correct'), steps)).toEqual({
      verdicts: [1, 1, 1, 1],
      firstError: null,
    });
  });

  it.each(['[Visual Elements]', '[Perception]'])('locates a perception error under %s', (heading) => {
    const text = reply(`${heading}\n<analysis_1>ok</analysis_1>\n<analysis_2>they are blue</analysis_2>`, 'Incorrect');
    expect(parseVerification(text, steps)).toEqual({ verdicts: [1, -1, null, null], firstError: 1 });
  });

  it('reference issue: equal step texts do not move an error to the other section', () => {
    const text = reply('[Visual Elements]\n<analysis_1>there are 4</analysis_1>', 'incorrect');
    expect(parseVerification(text, steps)?.firstError).toBe(0);
    const later = reply('[Perception]<analysis_1>ok</analysis_1>[Reasoning]<analysis_1>no</analysis_1>', 'Incorrect');
    expect(parseVerification(later, steps)?.firstError).toBe(2);
  });

  it('numbers steps of unknown kind through', () => {
    const flat = steps.map((step): Step => ({ ...step, kind: null }));
    const text = reply(
      '<analysis_1>ok</analysis_1><analysis_2>ok</analysis_2><analysis_3>no</analysis_3>',
      'Incorrect',
    );
    expect(parseVerification(text, flat)).toEqual({ verdicts: [1, 1, -1, null], firstError: 2 });
    expect(parseVerification(text, flat.slice(0, 2))).toBeNull();
  });

  it.each([
    ['no conclusion', '[Reasoning]<analysis_1>no</analysis_1>'],
    ['two conclusions', `${reply('', 'Correct')}${reply('', 'Incorrect')}`],
    ['another conclusion', reply('', 'Unsure')],
    ['an error that is nowhere', reply('', 'Incorrect')],
    ['an analysis without a section', reply('<analysis_1>no</analysis_1>', 'Incorrect')],
    ['a step that does not exist', reply('[Reasoning]<analysis_3>no</analysis_3>', 'Incorrect')],
    ['an empty reply', ''],
  ])('takes %s for no verdict', (_, text) => {
    expect(parseVerification(text, steps)).toBeNull();
  });
});
