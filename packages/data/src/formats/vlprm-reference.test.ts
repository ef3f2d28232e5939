import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Trace } from '@vlprm/core/records';
import { parseTrace } from '@vlprm/core/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { relabel } from '../consensus/index.ts';
import type { ImportedDataset } from './imported-dataset.ts';
import { readVlprmReference } from './vlprm-reference.ts';

const FIXTURE = fileURLToPath(new URL('fixtures/vlprm-reference', import.meta.url));
const folders = mkdtempSync(join(tmpdir(), 'vlprm-reference-'));
afterAll(() => {
  rmSync(folders, { recursive: true });
});

type Row = Record<string, unknown>;
interface Files {
  problems: Row[];
  rollouts: Row[];
  requests: Row[];
  results: Row[];
}

const rowsIn = (name: string): Row[] =>
  readFileSync(join(FIXTURE, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
const lines = (rows: readonly unknown[]): string =>
  rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');

let made = 0;
/** Reads the fixture with its rows changed. */
async function importWith(change: (files: Files) => void): Promise<ImportedDataset> {
  const files: Files = {
    problems: rowsIn('problems.jsonl'),
    rollouts: rowsIn('rollouts.jsonl'),
    requests: rowsIn('judge_batch_requests.jsonl'),
    results: JSON.parse(readFileSync(join(FIXTURE, 'judge_results.json'), 'utf8')) as Row[],
  };
  change(files);
  const dir = join(folders, String(made++));
  cpSync(FIXTURE, dir, { recursive: true });
  writeFileSync(join(dir, 'problems.jsonl'), lines(files.problems));
  writeFileSync(join(dir, 'rollouts.jsonl'), lines(files.rollouts));
  writeFileSync(join(dir, 'judge_batch_requests.jsonl'), lines(files.requests));
  writeFileSync(join(dir, 'judge_results.json'), JSON.stringify(files.results));
  return readVlprmReference(dir);
}

const verdicts = (trace: Trace | undefined): unknown[] =>
  trace?.steps.map(({ judge }) => judge.map(({ verdict, by }) => `${by} ${verdict}`).join()) ?? [];
const reviewed = ({ traces }: ImportedDataset): boolean[] => traces.map(({ steps }) => steps[0]!.judge.length > 0);
const REVIEWED = [true, true, false, true, false, false];

describe('files of the paper’s pipeline', () => {
  it('come in whole: sections, counts, verdicts, pictures, answers', async () => {
    const imported = await readVlprmReference(FIXTURE);
    expect(imported.rejects).toEqual([]);
    expect(imported.rows).toEqual({
      'problems.jsonl': 3,
      'rollouts.jsonl': 6,
      'judge_batch_requests.jsonl': 5,
      'judge_results.json': 3,
    });
    const [first, second, third, fourth, fifth, sixth] = imported.traces;
    expect(imported.traces.map(({ outcome }) => outcome)).toEqual([
      'correct',
      'incorrect',
      'correct',
      'correct',
      'incorrect',
      'unparsable',
    ]);
    expect(first).toMatchObject({
      question: 'How many ducks swim on the pond?',
      answer: '4',
      finalAnswer: '4',
      images: [{ mime: 'image/png', width: 8, height: 6, path: 'images/ducks.png' }],
      consensus: null,
      provenance: { source: 'vlprm-reference', judges: ['o4-mini'], sourceId: 'pond-1' },
    });
    expect(first?.steps.map(({ kind }) => kind)).toEqual(['perception', 'perception', 'reasoning']);
    expect(second?.steps.map(({ mc }) => [mc?.correct, mc?.incorrect, mc?.budget])).toEqual([
      [15, 1, 16],
      [1, 15, 16],
      [0, 16, 16],
      [0, 16, 16],
    ]);
    expect(verdicts(second)).toEqual(['o4-mini 1', 'o4-mini -1', 'o4-mini null', 'o4-mini null']);
    expect(verdicts(third)).toEqual(['', '']);
    expect(third?.provenance.judges).toEqual([]);
    expect(third?.images).toEqual(first?.images);
    expect(fourth?.images[0]).toMatchObject({ width: 5, height: 7 });
    expect(fifth?.steps.map(({ mc }) => mc)).toEqual([null, null, null]);
    expect(sixth?.finalAnswer).toBeNull();
  });

  it('are written as traces that stand the schema, with an id each, the same whenever they are read', async () => {
    const { traces, image } = await readVlprmReference(FIXTURE);
    for (const trace of traces) expect(parseTrace(trace, 'trace')).toEqual(trace);
    expect(new Set(traces.map(({ id }) => id)).size).toBe(traces.length);
    expect(new Set(traces.map(({ groupId }) => groupId)).size).toBe(2);
    expect(new Set(traces.map(({ problemId }) => problemId)).size).toBe(2);
    expect(image(traces[0]!.images[0]!).subarray(1, 4)).toEqual(Buffer.from('PNG'));
    expect((await readVlprmReference(FIXTURE)).traces).toEqual(traces);
  });

  it('are kept or dropped by the paper’s rule', async () => {
    const { traces } = await readVlprmReference(FIXTURE);
    expect(relabel(traces, 'hybrid').map(({ consensus, firstError }) => [consensus?.reason, firstError])).toEqual([
      ['judge-correct-mc-agrees', null],
      ['judge-incorrect', 1],
      ['no-judge-verdict', null],
      ['judge-correct-mc-disagrees', null],
      ['no-judge-verdict', null],
      ['no-judge-verdict', null],
    ]);
  });

  it('need no more than the rollouts', async () => {
    const dir = join(folders, 'rollouts-alone');
    cpSync(join(FIXTURE, 'rollouts.jsonl'), join(dir, 'rollouts.jsonl'), { recursive: true });
    const imported = await readVlprmReference(dir);
    expect(imported.rows).toMatchObject({ 'rollouts.jsonl': 6, 'judge_results.json': null });
    expect(imported.traces.map(({ images }) => images.length)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(new Set(imported.traces.map(({ groupId }) => groupId)).size).toBe(2);
    await expect(readVlprmReference(folders)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });

  it('may have no counts behind a step that no rollout got right', async () => {
    const imported = await importWith(({ rollouts }) => (rollouts[1]!['steps_with_score'] as unknown[]).pop());
    expect(imported.rejects).toEqual([]);
    expect(imported.traces[1]?.steps.map(({ mc }) => mc?.correct ?? null)).toEqual([15, 1, 0, null]);
    expect(reviewed(imported)).toEqual(REVIEWED);
  });

  it('take the picture of others that name the same one, also of another problem', async () => {
    const imported = await importWith(({ rollouts }) => {
      const prompt = String(rollouts[2]!['question']).replace('ducks', 'swans');
      rollouts.push({ ...rollouts[2], uid: 'pond-2', question: prompt });
    });
    expect(imported.traces[6]?.images).toEqual(imported.traces[0]?.images);
    expect(imported.traces[6]?.groupId).toBe(imported.traces[0]?.groupId);
  });

  it('need no prompt where the problem is known, and no name of a picture', async () => {
    const imported = await importWith(({ problems, rollouts }) => {
      problems.push({ uid: 'pond-1', question: 'How many ducks swim on the pond?' });
      Object.assign(rollouts[0]!, { question: null, image: null });
    });
    expect(imported.rejects).toEqual([]);
    expect(imported.traces[0]).toMatchObject({ question: 'How many ducks swim on the pond?', images: [{ width: 8 }] });
    expect(reviewed(imported)).toEqual(REVIEWED);
  });

  it('tell two reviews of a judge apart', async () => {
    const again = await importWith(({ requests, results }) => {
      requests.push({ ...requests[0], custom_id: 'ask-a-again' });
      results.push({ ...results[1], custom_id: 'ask-a-again' });
    });
    expect(again.rejects).toEqual([]);
    expect(verdicts(again.traces[0])).toEqual(Array(3).fill('o4-mini 1,o4-mini#2 1'));
    expect(again.traces[0]?.provenance.judges).toEqual(['o4-mini']);
  });

  it('tell equal solutions of different problems apart by the question', async () => {
    const imported = await importWith(({ rollouts }) => {
      const prompt = String(rollouts[0]!['question']).replace('ducks', 'swans');
      rollouts.push({ ...rollouts[0], uid: 'pond-2', question: prompt });
    });
    expect(imported.rejects).toEqual([]);
    expect(reviewed(imported)).toEqual([...REVIEWED, false]);
  });
});

type OddRow = [string, (files: Files) => void, { stage: string; code: string; where: string }, (boolean | null)[]];

/** What is left of {@link REVIEWED}: null for a solution that was set aside. */
const ODD: OddRow[] = [
  [
    'a line that is no JSON',
    ({ rollouts }) => rollouts.splice(2, 1, '{"uid":' as unknown as Row),
    { stage: 'sample', code: 'ERR_FILE_MALFORMED', where: 'rollouts.jsonl:3' },
    [true, true, null, true, false, false],
  ],
  [
    'a solution without an answer key',
    ({ rollouts }) => void (rollouts[2]!['answer'] = ' '),
    { stage: 'sample', code: 'ERR_FILE_MALFORMED', where: 'rollouts.jsonl:3: answer' },
    [true, true, null, true, false, false],
  ],
  [
    'an answer key that no checker understands',
    ({ rollouts }) => void (rollouts[2]!['answer'] = '...'),
    { stage: 'sample', code: 'ERR_DATASET_INVALID', where: 'rollouts.jsonl:3' },
    [true, true, null, true, false, false],
  ],
  [
    'counts for fewer steps than the response has',
    ({ rollouts }) => (rollouts[2]!['steps_with_score'] as unknown[]).pop(),
    { stage: 'sample', code: 'ERR_STEP_COUNT', where: 'rollouts.jsonl:3: steps_with_score' },
    [true, true, null, true, false, false],
  ],
  [
    'counts for other steps',
    ({ rollouts }) => (rollouts[2]!['steps_with_score'] as unknown[]).reverse(),
    { stage: 'sample', code: 'ERR_TRACE_MALFORMED', where: 'rollouts.jsonl:3: steps_with_score[0].step' },
    [true, true, null, true, false, false],
  ],
  [
    'more right rollouts than there were',
    ({ rollouts }) => {
      for (const step of rollouts[2]!['steps_with_score'] as Row[]) step['num_mc_total'] = 8;
    },
    { stage: 'sample', code: 'ERR_TRACE_MALFORMED', where: 'rollouts.jsonl:3: steps_with_score[0].num_mc_correct' },
    [true, true, null, true, false, false],
  ],
  [
    'a response that ignores the step format',
    ({ rollouts }) => void (rollouts[2]!['response'] = 'There are four ducks.'),
    { stage: 'sample', code: 'ERR_TRACE_EMPTY', where: 'rollouts.jsonl:3' },
    [true, true, null, true, false, false],
  ],
  [
    'a question that is nowhere',
    ({ problems, rollouts }) => {
      problems.splice(0);
      rollouts[2]!['question'] = 'Look at the picture.';
    },
    { stage: 'sample', code: 'ERR_FILE_MALFORMED', where: 'rollouts.jsonl:3: question' },
    [true, true, null, true, false, false],
  ],
  [
    'a solution that is there twice',
    ({ rollouts }) => rollouts.push(rollouts[2]!),
    { stage: 'sample', code: 'ERR_DATASET_INVALID', where: 'rollouts.jsonl:7' },
    REVIEWED,
  ],
  [
    'a broken problem',
    ({ problems }) => delete problems[1]!['uid'],
    { stage: 'problem', code: 'ERR_FILE_MALFORMED', where: 'problems.jsonl:2: uid' },
    REVIEWED,
  ],
  [
    'a request about a solution that is not there',
    ({ requests }) =>
      requests.push(JSON.parse(JSON.stringify(requests[0]).replaceAll('Two ducks', 'Six ducks')) as Row),
    { stage: 'judge', code: 'ERR_DATASET_INVALID', where: 'judge_batch_requests.jsonl:6' },
    REVIEWED,
  ],
  [
    'a request with the id of another',
    ({ requests }) =>
      requests.push({ ...requests[3], custom_id: 'ask-never' }, { ...requests[3], custom_id: 'ask-never' }),
    { stage: 'judge', code: 'ERR_DATASET_INVALID', where: 'judge_batch_requests.jsonl:7' },
    REVIEWED,
  ],
  [
    'a result for a request that is not there',
    ({ results }) => results.push({ ...results[0], custom_id: 'nobody-asked' }),
    { stage: 'judge', code: 'ERR_DATASET_INVALID', where: 'judge_results.json: [3]' },
    REVIEWED,
  ],
  [
    'a second result for a request',
    ({ results }) => results.push(results[0]!),
    { stage: 'judge', code: 'ERR_DATASET_INVALID', where: 'judge_results.json: [3]' },
    REVIEWED,
  ],
  [
    'a result without text',
    ({ results }) => void (results[1]!['verification_response'] = null),
    { stage: 'judge', code: 'ERR_ANSWER_MALFORMED', where: 'judge_results.json: [1]' },
    [false, true, false, true, false, false],
  ],
  [
    'a result that holds no verdict',
    ({ results }) => void (results[1]!['verification_response'] = 'I cannot see the picture.'),
    { stage: 'judge', code: 'ERR_ANSWER_MALFORMED', where: 'judge_results.json: [1]' },
    [false, true, false, true, false, false],
  ],
  [
    'a result of another form',
    ({ results }) => delete results[1]!['custom_id'],
    { stage: 'judge', code: 'ERR_FILE_MALFORMED', where: 'judge_results.json: [1]: custom_id' },
    [false, true, false, true, false, false],
  ],
];

describe('an odd row is set aside, and the rest comes in:', () => {
  it.each(ODD)('%s', async (_, change, { stage, code, where }, left) => {
    const imported = await importWith(change);
    expect(imported.rejects).toEqual([
      expect.objectContaining({ stage, code, where: expect.stringContaining(where) as unknown }),
    ]);
    expect(reviewed(imported)).toEqual(left.filter((one) => one !== null));
  });

  const withContent = (content: (parts: Row[]) => unknown) => (files: Files) => {
    const { body } = files.requests[0] as { body: { messages: Row[] } };
    body.messages[0]!['content'] = content(body.messages[0]!['content'] as Row[]);
  };
  it.each([
    ['no picture', ([text]: Row[]) => [text], 'body.messages'],
    ['text alone', ([text]: Row[]) => text!['text'], 'body.messages'],
    ['two pictures', ([text, image]: Row[]) => [text, image, image], 'body.messages'],
  ])('a request with %s, and its result, since nothing shows what the judge saw', async (_, content, field) => {
    const imported = await importWith(withContent(content));
    expect(imported.rejects).toMatchObject([
      {
        stage: 'judge',
        code: 'ERR_IMAGE_DECODE',
        where: expect.stringContaining(`requests.jsonl:1: ${field}`) as unknown,
      },
      { stage: 'judge', code: 'ERR_DATASET_INVALID', reason: 'no request that was read has the custom_id ask-a' },
    ]);
    expect(reviewed(imported)).toEqual([false, true, false, true, false, false]);
    expect(imported.traces[0]?.images).toHaveLength(1);
  });

  it.each([
    ['by URL', 'https://x.org/a.png'],
    ['whose bytes are broken', 'data:image/png;base64,iVBORw0KGgo='],
  ])('a picture %s, but not the verdict of the judge that saw it', async (_, url) => {
    const imported = await importWith(withContent(([text]) => [text, { type: 'image_url', image_url: { url } }]));
    expect(imported.rejects).toMatchObject([
      {
        stage: 'judge',
        code: 'ERR_IMAGE_DECODE',
        where: expect.stringContaining('requests.jsonl:1: image_url') as unknown,
      },
    ]);
    expect(reviewed(imported)).toEqual([true, true, false, true, false, false]);
    expect(imported.traces[0]?.images).toHaveLength(1);
  });

  it('an id that two different requests share: neither gets the result', async () => {
    const imported = await importWith(({ requests }) => void (requests[1]!['custom_id'] = 'ask-a'));
    expect(imported.rejects.map(({ where }) => /[^/]*$/.exec(where ?? '')?.[0])).toEqual([
      'judge_batch_requests.jsonl:2',
      'judge_results.json: [1]',
      'judge_results.json: [2]',
    ]);
    expect(reviewed(imported)).toEqual([false, false, false, true, false, false]);
  });

  it('equal solutions that nothing tells apart: their review is nobody’s', async () => {
    const imported = await importWith(({ rollouts }) => rollouts.push({ ...rollouts[0], uid: 'pond-2' }));
    expect(imported.rejects.map(({ reason }) => reason)).toEqual([
      'its solution is the response of several rollouts (lines 1, 7)',
      'no request that was read has the custom_id ask-a',
    ]);
    expect(reviewed(imported)).toEqual([false, true, false, true, false, false, false]);
  });
});

it('reads the paper’s own sample', async (context) => {
  const external = process.env['VLPRM_EXTERNAL_DATA'];
  if (external === undefined) return context.skip('VLPRM_EXTERNAL_DATA is not set');
  const { traces, rejects } = await readVlprmReference(join(external, 'vlprm-reference'));
  expect(rejects).toEqual([]);
  expect(traces).toHaveLength(21);
  expect(traces.filter(({ images }) => images[0]?.mime === 'image/jpeg')).toHaveLength(21);
  const labelled = relabel(traces, 'hybrid');
  const count = (reason: string): number => labelled.filter(({ consensus }) => consensus?.reason === reason).length;
  expect([count('judge-incorrect'), count('no-judge-verdict')]).toEqual([2, 9]);
  expect(count('judge-correct-mc-agrees') + count('judge-correct-mc-disagrees')).toBe(10);
});
