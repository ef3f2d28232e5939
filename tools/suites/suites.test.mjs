import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { workspaceRoot } from '../setup.mjs';
import { readCases } from './cpp.mjs';
import { sumOutcomes } from './outcome.mjs';
import { packageNames } from './python.mjs';
import { runVitest } from './vitest.mjs';

describe('the sum of outcomes', () => {
  const outcomes = [
    { passed: 2, failed: ['a'], skipped: [{ name: 'b', reason: 'native code was not built' }] },
    { passed: 3, failed: [], skipped: [{ name: 'c', reason: null }] },
  ];

  test('counts a skip without a reason as a failure', () => {
    const { passed, failed, skipped } = sumOutcomes(outcomes, {});
    expect({ passed, failures: failed.length, skips: skipped.length }).toEqual({ passed: 5, failures: 2, skips: 1 });
  });

  test('counts the lack of what is required as a failure', () => {
    expect(sumOutcomes(outcomes, { VLPRM_NATIVE: 'required' })).toMatchObject({ passed: 5, skipped: [] });
  });
});

describe('a vitest project', () => {
  /** @type {string} */
  let folder;
  beforeEach(() => {
    mkdirSync(join(workspaceRoot, '.nx'), { recursive: true });
    folder = mkdtempSync(join(workspaceRoot, '.nx', 'suite-test-'));
    writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: { include: ['*.test.mjs'] } };`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** @param {string} file @param {string} body */
  const write = (file, body) => {
    writeFileSync(join(folder, file), `import { beforeAll, expect, test } from 'vitest';\n${body}`);
  };

  test('gives its counts, and every skip with its reason', () => {
    write(
      'a.test.mjs',
      `test('passes', () => expect(1).toBe(1));
       test('fails', () => expect(1).toBe(2));
       test('stops', (context) => context.skip('no GPU here'));
       test.skip('names it (needs Redis)', () => {});
       test.skip('says nothing', () => {});`,
    );
    expect(runVitest({ name: 'x', folder }, 'ignore')).toEqual({
      passed: 1,
      failed: ['a.test.mjs › fails'],
      skipped: [
        { name: 'a.test.mjs › stops', reason: 'no GPU here' },
        { name: 'a.test.mjs › names it (needs Redis)', reason: 'needs Redis' },
        { name: 'a.test.mjs › says nothing', reason: null },
      ],
    });
  });

  test('fails when a file cannot be loaded, a hook throws, or something goes wrong outside the tests', () => {
    write('load.test.mjs', `throw new Error('on load');`);
    write('hook.test.mjs', `beforeAll(() => { throw new Error('hook'); }); test('t', () => {});`);
    write(
      'late.test.mjs',
      `test('t', async () => { Promise.reject(new Error('late')); await new Promise((r) => setTimeout(r, 50)); });`,
    );
    const { failed, skipped } = runVitest({ name: 'x', folder }, 'ignore');
    for (const part of ['load.test.mjs', 'hook.test.mjs', 'late']) expect(failed.join('\n')).toContain(part);
    expect(skipped).toEqual([{ name: 'hook.test.mjs › t', reason: 'not run, because its file or a hook failed' }]);
  });

  test('fails when no test was collected', () => {
    expect(runVitest({ name: 'x', folder }, 'ignore')).toMatchObject({
      passed: 0,
      failed: ['x: no test was collected'],
    });
  });
});

test('the cases of a C++ test program', () => {
  const output = `ok   first
  a.cc:3: x is 1, expected 2
FAIL second
  skipped on the device: no driver
ok   third
ok   fourth
4 cases, 9 checks, 1 failed
`;
  expect(readCases(output, 'csrc/test')).toEqual({
    passed: 2,
    failed: ['csrc/test › second'],
    skipped: [{ name: 'csrc/test › third', reason: 'no CUDA device: no driver' }],
  });
});

test('the packages of a requirements.txt', () => {
  expect(packageNames('# why\ntorch==2.13.0\n\nonnx-ir >= 1 # note\n')).toEqual(['torch', 'onnx-ir']);
});

test('Python tests are counted one by one', (context) => {
  if (spawnSync('python3', ['--version']).status !== 0) context.skip('no Python');
  const folder = mkdtempSync(join(tmpdir(), 'vlprm-python-'));
  try {
    writeFileSync(
      join(folder, 'test_x.py'),
      `import unittest
class T(unittest.TestCase):
    def test_passes(self): self.assertEqual(1, 1)
    def test_fails(self): self.assertEqual(1, 2)
    def test_breaks(self): raise ValueError()
    @unittest.skip("no GPU")
    def test_skips(self): pass
`,
    );
    const runner = fileURLToPath(new URL('./python-tests.py', import.meta.url));
    const { status, stdout } = spawnSync('python3', [runner, folder], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ passed: 1, failed: { length: 2 }, skipped: [{ reason: 'no GPU' }] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
