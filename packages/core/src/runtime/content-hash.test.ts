import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { canonicalJson, contentHash, hashFile, sha256 } from './content-hash.ts';

/** A copy with the fields of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reversed(field)]),
  );
}

const json = fc.jsonValue({ noUnicodeString: false }).filter((value) => !JSON.stringify(value).includes('__proto__'));

describe('canonicalJson', () => {
  test.prop([json])('is JSON of the same value, whatever the order of fields', (value) => {
    const text = canonicalJson(value);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    expect(canonicalJson(reversed(value))).toBe(text);
  });

  test.prop([fc.string({ unit: 'binary' })])('writes every text as JSON does', (text) => {
    expect(canonicalJson({ [text]: text })).toBe(JSON.stringify({ [text]: text }));
  });

  it('sorts by code units and leaves out what is undefined', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'é' }], a: undefined, '10': 1, '9': 2, B: -0 })).toBe(
      '{"10":1,"9":2,"B":0,"b":[1,{"c":"é","d":null}]}',
    );
  });

  it.each([
    ['NaN', { a: [Number.NaN] }, '$.a[0]'],
    ['an infinity', Infinity, '$'],
    ['a date', { at: new Date(0) }, '$.at'],
    ['a map', new Map(), '$'],
    ['a typed array', { v: new Float32Array(1) }, '$.v'],
    ['a function', [() => 0], '$[0]'],
    ['undefined in an array', [undefined], '$[0]'],
    ['a bigint', 1n, '$'],
  ])('refuses %s', (_, value, where) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL', where }));
  });
});

describe('hashes', () => {
  /** FIPS 180-2, appendix B.1. */
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

  it('are sha256', async () => {
    expect(sha256('abc')).toBe(abc);
    expect(sha256(new TextEncoder().encode('abc'))).toBe(abc);
    expect(contentHash({ b: 1, a: 2 })).toBe(sha256('{"a":2,"b":1}'));
    const path = join(await mkdtemp(join(tmpdir(), 'hash-')), 'abc');
    await writeFile(path, 'abc');
    expect(await hashFile(path)).toBe(abc);
  });

  it('name the file that is not there, or is none', async () => {
    await expect(hashFile(join(tmpdir(), 'no', 'such'))).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
    await expect(hashFile(tmpdir())).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED', where: tmpdir() });
  });
});
