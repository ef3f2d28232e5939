import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES, EXIT, throwIfAborted, VlprmError, type ErrorCode } from './errors.ts';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');

describe('docs/errors.md', () => {
  const documented = [...page.matchAll(/^\| `(ERR_\w+)` \| (\d+) \| (.+) \| (.+) \|$/gm)];

  test('lists every code, and no other, with its exit code', () => {
    const rows = documented.map(([, code, exit]) => [code, Number(exit)]);
    const codes = Object.entries(ERROR_CODES).map(([code, exit]) => [code, EXIT[exit]]);
    expect(rows.toSorted()).toEqual(codes.toSorted());
  });

  test('lists every exit code, and no other', () => {
    const rows = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, exit]) => Number(exit));
    expect(rows.toSorted((a, b) => a - b)).toEqual(Object.values(EXIT).toSorted((a, b) => a - b));
  });
});

describe('VlprmError', () => {
  test('says what, where and what to do in one line', () => {
    const error = new VlprmError('ERR_IMAGE_DECODE', 'not an image', { where: 'a.png', fix: 'give PNG or JPEG' });
    expect(error.toLine()).toBe('error[ERR_IMAGE_DECODE]: not an image, a.png, give PNG or JPEG');
    expect(new VlprmError('ERR_INTERNAL', 'a defect').toLine()).toBe('error[ERR_INTERNAL]: a defect');
  });

  test.each<[ErrorCode, number]>([
    ['ERR_USAGE', 2],
    ['ERR_BUNDLE_HASH', 3],
    ['ERR_MODEL_FAILED', 4],
    ['ERR_BUDGET', 5],
    ['ERR_INTERNAL', 70],
    ['ERR_ABORTED', 130],
  ])('%s ends the process with %i', (code, exit) => {
    expect(new VlprmError(code, 'x').exitCode).toBe(exit);
  });

  test('is known by its mark, and keeps its cause', () => {
    const cause = new Error('disk');
    const error = new VlprmError('ERR_FILE_MISSING', 'x', { cause });
    expect(VlprmError.is(error)).toBe(true);
    expect(VlprmError.is(cause)).toBe(false);
    expect(VlprmError.is(null)).toBe(false);
    expect(error.cause).toBe(cause);
  });
});

test('an abort becomes ERR_ABORTED unless it brings an error of ours', () => {
  const controller = new AbortController();
  throwIfAborted(undefined);
  throwIfAborted(controller.signal);
  controller.abort('stop');
  expect(() => throwIfAborted(controller.signal)).toThrow(
    expect.objectContaining({ code: 'ERR_ABORTED', cause: 'stop' }),
  );
  const over = new VlprmError('ERR_TIMEOUT', 'the deadline is over');
  expect(() => throwIfAborted(AbortSignal.abort(over))).toThrow(over);
});
