import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { predictionSchema, searchTraceSchema, traceSchema, type Trace } from '@vlprm/core/records';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../command-line.ts';
import { reportSchema, type Report } from '../report/report-schema.ts';
import { runVlprm, type Ended } from './vlprm-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-quickstart-'));
const run = join(folder, 'run');
const TIMEOUT_MS = 300_000;
const SMALL = ['--train-puzzles', '60', '--test-puzzles', '24', '--samples', '4', '--rollouts', '4'];

let quickstart: Ended;
let report: Report;

beforeAll(async () => {
  quickstart = await runVlprm(['quickstart', ...SMALL, '--seed', '3', '--out', run, '--format', 'json'], folder);
  if (quickstart.exitCode !== 0) throw new Error(quickstart.stderr);
  report = reportSchema.parse(JSON.parse(quickstart.stdout));
}, TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = (...parts: string[]): string => join(folder, ...parts);
const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
/** Runs a command line that is to fail, in this process: what it wrote, and its exit code with its last line on stderr. */
async function failing(...args: string[]): Promise<{ stdout: string; failure: string }> {
  const text = { stdout: '', stderr: '' };
  const exitCode = await runCommandLine(args, {
    stdout: { write: (part) => (text.stdout += part) },
    stderr: { write: (part) => (text.stderr += part) },
  });
  return { stdout: text.stdout, failure: `${exitCode} ${text.stderr.trim().split('\n').at(-1) ?? ''}` };
}

async function fail(...args: string[]): Promise<string> {
  const { stdout, failure } = await failing(...args);
  expect(stdout).toBe('');
  return failure;
}

function traces(): Trace[] {
  const lines = readFileSync(join(run, 'dataset', 'train-00000-of-00001.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => traceSchema.parse(JSON.parse(line)));
}

function writeLines(name: string, rows: readonly unknown[]): string {
  writeFileSync(path(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path(name);
}

describe('quickstart', () => {
  it('leaves a whole run folder behind', () => {
    expect(reportSchema.parse(readJson(join(run, 'report.json')))).toEqual(report);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('data:image/png;base64,');
    expect(readJson(join(run, 'prm', 'prm.json'))).toMatchObject({ schema: 'vlprm.prm/1', labelRule: 'hybrid' });
    const searches = readFileSync(join(run, 'traces', 'weighted-vote-4.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(searches.map((line) => searchTraceSchema.parse(JSON.parse(line)).strategy)).toEqual(
      Array.from({ length: 24 }, () => 'weighted-vote'),
    );
    expect(readJson(join(run, 'run.json'))).toMatchObject({ command: 'quickstart', seed: 3, exit: 0 });
  });

  it('counts what it did', () => {
    expect(report.problems).toEqual({ train: 60, test: 24, testNovel: 24 });
    expect(report.synthesis.traces).toBe(240);
    expect(report.synthesis.failed).toBe(0);
    expect(report.synthesis.labels.judge).toMatchObject({ kept: 240, dropped: 0 });
    const { kept, dropped } = report.synthesis.labels.hybrid;
    expect(kept + dropped).toBe(240);
    expect(new Set(Object.values(report.prm).map((row) => row.supervisedSteps)).size).toBe(1);
  });

  it('ran every strategy at every n on the same problems', () => {
    const ran = new Set(report.tts.map(({ strategy, n }) => `${strategy}@${n}`));
    for (const strategy of ['pass-at-1', 'oracle', 'majority', 'weighted-vote', 'one-shot', 'step-min']) {
      for (const n of [1, 2, 4]) expect(ran).toContain(`${strategy}@${n}`);
    }
    expect(ran).toContain('guided-greedy@4');
  });

  it('sees the picture: a swap is caught where the own picture is not', () => {
    expect(report.gates.imageSwap.flagged).toBeGreaterThan(0.8);
    expect(report.gates.imageSwap.flaggedBefore).toBeLessThan(0.2);
  });

  it('keeps stdout to the result', () => {
    expect(quickstart.stderr).toMatch(/judge: 60\/60/);
  });

  it('makes the same report again from what the stages measured', async () => {
    const again = await runVlprm(['report', run, '--out', path('again'), '--format', 'json'], folder);
    expect(again.exitCode, again.stderr).toBe(0);
    expect(reportSchema.parse(JSON.parse(again.stdout))).toEqual(report);
  });
});

describe(
  'the commands on its run',
  () => {
    it('label recomputes labels without a model', async () => {
      const done = await runVlprm(['label', run, '--rule', 'mc50', '--out', path('mc50'), '--format', 'json'], folder);
      expect(done.exitCode, done.stderr).toBe(0);
      expect(JSON.parse(done.stdout)).toMatchObject({ rule: { name: 'mc50' }, traces: 240 });
    });

    it('train makes a bundle with which score and evaluate work', async () => {
      const bundle = path('bundle');
      const trained = await runVlprm(['train', '--data', run, '--out', bundle, '--seed', '3', '--quiet'], folder);
      expect(trained.exitCode, trained.stderr).toBe(0);
      expect(trained.stderr).toBe('');

      cpSync(join(run, 'dataset', 'images'), path('images'), { recursive: true });
      const some = traces().slice(0, 20);
      const data = writeLines('some.jsonl', some);
      const scored = await runVlprm(['score', '--traces', data, '--prm', bundle, '--quiet'], folder);
      expect(scored.exitCode, scored.stderr).toBe(0);
      const rows = scored.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
      expect(rows).toHaveLength(some.reduce((sum, { steps }) => sum + steps.length, 0));

      const predictions = writeLines('predictions.jsonl', rows);
      const evaluate = ['evaluate', '--suite', 'traces', '--data', data, '--format', 'json'];
      const byFile = await runVlprm([...evaluate, '--predictions', predictions, '--threshold', '0.5'], folder);
      const byPrm = await runVlprm([...evaluate, '--prm', bundle, '--threshold', '0.5'], folder);
      expect(byFile.exitCode, byFile.stderr).toBe(0);
      expect(JSON.parse(byPrm.stdout)).toEqual(JSON.parse(byFile.stdout));
    });

    it('score gives the predictions that the run kept for its own traces', async () => {
      const lines = readFileSync(join(run, 'predictions', 'dataset.jsonl'), 'utf8')
        .trim()
        .split('\n');
      const kept = lines.map((line) => predictionSchema.parse(JSON.parse(line)));
      expect(kept).toHaveLength(traces().reduce((sum, { steps }) => sum + steps.length, 0));

      cpSync(join(run, 'dataset', 'images'), path('images'), { recursive: true });
      const data = writeLines('first.jsonl', traces().slice(0, 8));
      const scored = await runVlprm(['score', '--traces', data, '--prm', join(run, 'prm'), '--quiet'], folder);
      for (const [i, line] of scored.stdout.trim().split('\n').entries()) {
        const row = predictionSchema.parse(JSON.parse(line));
        expect(kept[i]).toMatchObject({ traceId: row.traceId, step: row.step });
        expect(kept[i]?.p).toBeCloseTo(row.p, 4);
      }
    });

    it('evaluate reads the rows of VisualProcessBench and ProcessBench themselves', async () => {
      const response = { steps: ['a', 'b', 'c'], process_correctness: [1, 0, -1] };
      const visual = writeLines('vpb.jsonl', [{ image: ['a.png'], question: 'q', response, data_source: 'MMMU' }]);
      const process = { id: 'gsm8k-0', problem: 'q', steps: ['a', 'b', 'c'], final_answer_correct: false, label: 2 };
      const text = writeLines('pb.jsonl', [process]);
      const scores = [0.9, 0.8, 0.1];
      const evaluate = async (suite: string, data: string, id: string): Promise<unknown> => {
        const predictions = writeLines(`${suite}.jsonl`, [{ id, scores }]);
        const flags = ['--suite', suite, '--data', data, '--predictions', predictions, '--format', 'json'];
        const done = await runVlprm(['evaluate', ...flags], folder);
        expect(done.exitCode, done.stderr).toBe(0);
        return JSON.parse(done.stdout);
      };
      expect(await evaluate('visualprocessbench', visual, '0')).toMatchObject({ steps: 2, metrics: { macroF1: 1 } });
      expect(await evaluate('processbench', text, 'gsm8k-0')).toMatchObject({ metrics: { accuracyError: 1 } });
    });

    it('solve answers about a picture with the newest PRM', async () => {
      mkdirSync(path('runs'), { recursive: true });
      cpSync(run, path('runs', 'small'), { recursive: true });
      const [trace] = traces();
      const image = join(run, 'dataset', trace?.images[0]?.path ?? '');
      const question = trace?.question ?? '';
      const done = await runVlprm(
        ['solve', '--image', image, '--question', question, '--n', '4', '--format', 'json'],
        folder,
      );
      expect(done.exitCode, done.stderr).toBe(0);
      const solved = JSON.parse(done.stdout) as { answer: unknown; candidates: unknown[] };
      expect(solved.answer).toEqual(expect.any(String));
      expect(solved.candidates).toHaveLength(4);
    });
  },
  TIMEOUT_MS,
);

describe(
  'bad input',
  () => {
    it('an image that cannot be decoded', async () => {
      writeFileSync(
        path('broken.png'),
        readFileSync(join(run, 'dataset', traces()[0]?.images[0]?.path ?? '')).subarray(0, 200),
      );
      expect(await fail('solve', '--image', path('broken.png'), '--question', 'What?')).toMatch(
        /^3 error\[ERR_IMAGE_DECODE\]: .*broken\.png/,
      );
      const problems = writeLines('problems.jsonl', [{ image: 'broken.png', question: 'What?', answer: 'A' }]);
      const { stdout, failure } = await failing('synthesize', '--problems', problems, '--out', path('x'));
      expect(failure).toMatch(/^3 error\[ERR_TOO_MANY_REJECTS\]: .*ERR_IMAGE_DECODE/);
      expect(stdout).toContain('wrote');
      expect(readFileSync(path('x', 'rejects.jsonl'), 'utf8')).toMatch(/problems\.jsonl:1/);
    });

    it('an empty or malformed trace', async () => {
      const [trace] = traces();
      const empty = writeLines('empty.jsonl', [{ ...trace, steps: [] }]);
      expect(await fail('score', '--traces', empty)).toMatch(/^3 error\[ERR_TRACE_EMPTY\]: .*empty\.jsonl:1/);
      const malformed = writeLines('malformed.jsonl', [trace, { ...trace, question: 7 }]);
      expect(await fail('score', '--traces', malformed)).toMatch(
        /^3 error\[ERR_TRACE_MALFORMED\]: .*malformed\.jsonl:2: question/,
      );
      writeFileSync(path('torn.jsonl'), JSON.stringify(trace).slice(0, 100));
      expect(await fail('score', '--traces', path('torn.jsonl'))).toMatch(
        /^3 error\[ERR_FILE_MALFORMED\]: .*torn\.jsonl:1/,
      );
    });

    it('a step count that does not match its scores', async () => {
      const [trace] = traces();
      const data = writeLines('one.jsonl', [trace]);
      const predictions = writeLines('short.jsonl', [{ id: trace?.id, scores: [0.5] }]);
      expect(await fail('evaluate', '--suite', 'traces', '--data', data, '--predictions', predictions)).toMatch(
        /^3 error\[ERR_STEP_COUNT\]: 1 scores for 6 steps/,
      );
    });

    it('a dataset of another schema version, or with a changed file', async () => {
      cpSync(join(run, 'dataset'), path('other-version'), { recursive: true });
      const manifest = readJson(path('other-version', 'manifest.json')) as object;
      writeFileSync(path('other-version', 'manifest.json'), JSON.stringify({ ...manifest, schema: 'vlprm.dataset/9' }));
      expect(await fail('label', path('other-version'), '--out', path('y'))).toMatch(
        /^3 error\[ERR_SCHEMA_VERSION\]: .*vlprm\.dataset\/9/,
      );
      cpSync(join(run, 'dataset'), path('changed'), { recursive: true });
      writeFileSync(path('changed', 'train-00000-of-00001.jsonl'), '');
      expect(await fail('label', path('changed'), '--out', path('y'))).toMatch(/^3 error\[ERR_DATASET_INVALID\]/);
    });

    it('a bundle whose hash does not match', async () => {
      cpSync(join(run, 'prm'), path('tampered'), { recursive: true });
      const head = readFileSync(path('tampered', 'head.safetensors'));
      head[head.length - 1] = (head.at(-1) ?? 0) ^ 1;
      writeFileSync(path('tampered', 'head.safetensors'), head);
      const image = join(run, 'dataset', traces()[0]?.images[0]?.path ?? '');
      expect(await fail('solve', '--image', image, '--question', 'What?', '--prm', path('tampered'))).toMatch(
        /^3 error\[ERR_BUNDLE_HASH\]: .*head\.safetensors/,
      );
    });

    it('a missing file, a missing PRM, a flag or key out of range', async () => {
      expect(await fail('report', path('nowhere'))).toMatch(/^3 error\[ERR_FILE_MISSING\]/);
      expect(await fail('train', '--data', path('nowhere'), '--out', path('z'))).toMatch(
        /^3 error\[ERR_FILE_MISSING\]/,
      );
      const empty = mkdtempSync(path('empty-'));
      const image = join(run, 'dataset', traces()[0]?.images[0]?.path ?? '');
      const noPrm = await runVlprm(['solve', '--image', image, '--question', 'What?'], empty);
      expect(noPrm.exitCode).toBe(2);
      expect(noPrm.stderr).toMatch(/^error\[ERR_NO_PRM\]: .*`npm start`/);
      expect(await fail('synthesize', '--traces', '0')).toMatch(/^2 error\[ERR_RANGE\]: --traces/);
      expect(await fail('synthesize', '--problems', 'puzzles:none')).toMatch(/^2 error\[ERR_RANGE\]: --problems/);
      expect(await fail('label', run, '--rule', 'best', '--out', path('y'))).toMatch(/^2 error\[ERR_/);
      writeFileSync(path('bad.yaml'), 'seed: 1\nrollouts: many\n');
      expect(await fail('synthesize', '--config', path('bad.yaml'))).toMatch(
        /^2 error\[ERR_CONFIG\]: .*bad\.yaml, key rollouts/,
      );
      expect(await fail('synthesize', '--sede', '1')).toMatch(/^2 error\[ERR_USAGE\]: unknown option '--sede'.*--seed/);
    });
  },
  TIMEOUT_MS,
);
