import { describe, expect, test } from 'vitest';
import { needOf, skipFailure, skipLines } from './skips.mjs';
import { skipReason } from './suites/vitest-reporter.mjs';

describe('what a skip needed', () => {
  test.each([
    ['no NVIDIA driver on this machine', 'gpu'],
    ['the CUDA module was not compiled: nvcc not found', 'gpu'],
    ['no Python with torch, numpy', 'python'],
    ['no llama-server at /usr/bin/llama-server', 'llama'],
    ['needs Redis on port 6379', 'services'],
    ['needs Chromium', 'browser'],
    ['native addon not built: no C++ compiler', 'native'],
    ['VLPRM_EXTERNAL_DATA is not set', null],
  ])('%s -> %s', (reason, need) => {
    expect(needOf(reason)).toBe(need);
  });

  test('is read from the note, else from the name', () => {
    expect(skipReason('kernels › scores (needs a GPU)', undefined)).toBe('needs a GPU');
    expect(skipReason('kernels › scores (needs a GPU)', 'no driver')).toBe('no driver');
    expect(skipReason('kernels › scores (batched)', undefined)).toBeNull();
  });
});

describe('a skip is a failure', () => {
  test('when it states no reason', () => {
    expect(skipFailure({ name: 'a', reason: null }, {})).toMatch(/without a reason/);
  });

  test('when what it lacks is required, and only then', () => {
    const skip = { name: 'a', reason: 'native addon not built' };
    expect(skipFailure(skip, { VLPRM_NATIVE: 'required' })).toMatch(/VLPRM_NATIVE=required/);
    expect(skipFailure(skip, { VLPRM_NATIVE: 'off', VLPRM_PYTHON: 'required' })).toBeNull();
  });

  test('never for want of a GPU', () => {
    const everything = {
      VLPRM_NATIVE: 'required',
      VLPRM_PYTHON: 'required',
      VLPRM_LLAMA_SERVER: 'required',
      VLPRM_SERVICES: 'required',
      VLPRM_BROWSER: 'required',
    };
    expect(skipFailure({ name: 'a', reason: 'no CUDA driver' }, everything)).toBeNull();
  });
});

test('skips with the same reason share a line', () => {
  const lines = skipLines([
    { name: 'a', reason: 'no GPU' },
    { name: 'b', reason: 'no Python' },
    { name: 'c', reason: 'no GPU' },
    { name: 'kernels (needs Redis) › d', reason: 'needs Redis' },
  ]);
  expect(lines).toEqual(['a (and 1 more): no GPU', 'b: no Python', 'kernels › d: needs Redis']);
});
