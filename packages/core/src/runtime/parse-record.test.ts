import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseJson, parseRecord } from './parse-record.ts';

const schema = z.object({
  schema: z.literal('vlprm.thing/2'),
  name: z.string().min(1),
  steps: z.array(z.object({ p: z.number().min(0), label: z.union([z.literal(1), z.literal(-1), z.null()]) })),
  extra: z.union([z.object({ kind: z.literal('a'), size: z.int() }), z.object({ kind: z.literal('b') })]).optional(),
});
const good = { schema: 'vlprm.thing/2', name: 'x', steps: [{ p: 0.5, label: null }] };

describe('parseRecord', () => {
  it('gives back what fits', () => {
    expect(parseRecord(schema, good, 'f.json')).toEqual(good);
  });

  it.each([
    ['a field inside of an array', { ...good, steps: [good.steps[0], { p: -1, label: 1 }] }, 'f.json:3: steps[1].p'],
    ['a field that is missing', { schema: good.schema, steps: [] }, 'f.json:3: name'],
    ['a value outside of its set', { ...good, steps: [{ p: 1, label: 2 }] }, 'f.json:3: steps[0].label'],
    ['the branch of a union that came furthest', { ...good, extra: { kind: 'a', size: 0.5 } }, 'f.json:3: extra.size'],
    ['another kind of value', null, 'f.json:3'],
  ])('names %s', (_, value, where) => {
    expect(() => parseRecord(schema, value, 'f.json:3')).toThrow(
      expect.objectContaining({ code: 'ERR_FILE_MALFORMED', where }),
    );
  });

  it('tells another schema version from a malformed file, also when more is wrong with it', () => {
    const old = { schema: 'vlprm.thing/1', title: 'x' };
    expect(() => parseRecord(schema, old, 'f.json')).toThrow(
      expect.objectContaining({
        code: 'ERR_SCHEMA_VERSION',
        message: 'schema "vlprm.thing/1" where vlprm.thing/2 is expected',
        where: 'f.json',
      }),
    );
    expect(() => parseRecord(schema, { name: 'x' }, 'f.json')).toThrow(
      expect.objectContaining({
        code: 'ERR_SCHEMA_VERSION',
        message: 'no schema field where vlprm.thing/2 is expected',
      }),
    );
  });

  it('reports under the code that the caller gives', () => {
    expect(() => parseRecord(schema, { ...good, name: '' }, 'f', 'ERR_BUNDLE_INVALID')).toThrow(
      expect.objectContaining({ code: 'ERR_BUNDLE_INVALID', where: 'f: name' }),
    );
  });
});

describe('parseJson', () => {
  it('names the place of broken JSON', () => {
    expect(() => parseJson(schema, '{"schema":', 'f.jsonl:7')).toThrow(
      expect.objectContaining({ code: 'ERR_FILE_MALFORMED', where: 'f.jsonl:7' }),
    );
    expect(parseJson(schema, JSON.stringify(good), 'f')).toEqual(good);
  });
});
