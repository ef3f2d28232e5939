import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Trace } from '@vlprm/core/records';
import { parseTrace } from '@vlprm/core/runtime';
import { readProcessBench, readVisualProcessBench } from './benchmarks.ts';

const folder = mkdtempSync(join(tmpdir(), 'benchmarks-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function read(reader: (path: string) => AsyncGenerator<Trace>, rows: readonly unknown[]): Promise<Trace[]> {
  const path = join(folder, 'rows.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const traces: Trace[] = [];
  for await (const trace of reader(path)) traces.push(trace);
  return traces;
}

const VISUAL = {
  image: ['images/a.png'],
  question: 'How many?',
  answer: 3,
  response: { steps: ['I see three.', 'So maybe.', 'It is four.'], process_correctness: [1, 0, -1] },
  policy_model: 'some-vlm',
  data_source: 'MMMU',
};
const PROCESS = {
  id: 'gsm8k-12',
  generator: 'some-lm',
  problem: 'Add.',
  steps: ['1 + 1 = 2', '2 + 1 = 4', 'So 4.'],
  final_answer_correct: false,
  label: 1,
};

describe('readVisualProcessBench', () => {
  it('keeps all three labels, each step on its own, and names rows by their place', async () => {
    const [first, second] = await read(readVisualProcessBench, [VISUAL, { ...VISUAL, image: 'images/b.png' }]);
    expect(first?.steps.map(({ label, kind, origin }) => [label, kind, origin])).toEqual([
      [1, null, 'human'],
      [0, null, 'human'],
      [-1, null, 'human'],
    ]);
    expect(first).toMatchObject({ firstError: 2, answer: '3', consensus: { semantics: 'local' } });
    expect(first?.provenance).toMatchObject({ source: 'MMMU', policy: 'some-vlm', sourceId: '0' });
    expect(second?.groupId).not.toBe(first?.groupId);
  });

  it('refuses labels that do not pair up with steps instead of cutting them', async () => {
    const short = { ...VISUAL, response: { ...VISUAL.response, process_correctness: [1, 0] } };
    await expect(read(readVisualProcessBench, [VISUAL, short])).rejects.toMatchObject({
      code: 'ERR_STEP_COUNT',
      where: expect.stringContaining('rows.jsonl:2') as string,
    });
  });
});

describe('readProcessBench', () => {
  it('labels up to the first error and no further', async () => {
    const [wrong, right] = await read(readProcessBench, [PROCESS, { ...PROCESS, id: 'math-3', label: -1 }]);
    expect(wrong?.steps.map(({ label }) => label)).toEqual([1, -1, null]);
    expect(wrong).toMatchObject({ firstError: 1, outcome: 'incorrect', provenance: { source: 'gsm8k' } });
    expect(right?.steps.map(({ label }) => label)).toEqual([1, 1, 1]);
    expect(right).toMatchObject({ firstError: null, provenance: { source: 'math', sourceId: 'math-3' } });
  });

  it.each([
    [{ ...PROCESS, label: 3 }, 'ERR_STEP_COUNT'],
    [{ ...PROCESS, steps: [] }, 'ERR_FILE_MALFORMED'],
    [{ ...PROCESS, final_answer_correct: 'yes' }, 'ERR_FILE_MALFORMED'],
  ])('refuses a malformed row', async (row, code) => {
    await expect(read(readProcessBench, [row])).rejects.toMatchObject({ code });
  });
});

describe('both', () => {
  it('give traces that are canonical, and take canonical ones as they are', async () => {
    for (const reader of [readVisualProcessBench, readProcessBench]) {
      const made = await read(reader, [reader === readProcessBench ? PROCESS : VISUAL]);
      expect(made.map((trace) => parseTrace(trace, 'row'))).toEqual(made);
      expect(await read(reader, made)).toEqual(made);
    }
  });
});
