import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as core from './index.ts';

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly '@vlprm/source': string }>>;
}

describe('@vlprm/core', () => {
  it('exports records, text, statistics and runtime from its root', () => {
    expect(core).toMatchObject({
      traceSchema: expect.anything() as unknown,
      parseSolution: expect.any(Function) as unknown,
      pairedGain: expect.any(Function) as unknown,
      createMemoryLedger: expect.any(Function) as unknown,
    });
  });

  it('exports no adapter and no scripted model from its root', () => {
    expect(Object.keys(core).filter((name) => /onnx|loadPrm|session|scripted/i.test(name))).toEqual([]);
  });

  it('has a source file behind every entry point', () => {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Manifest;
    for (const entry of Object.values(manifest.exports)) {
      const path = typeof entry === 'string' ? entry : entry['@vlprm/source'];
      expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).not.toMatch(/^export \{\};\s*$/);
    }
  });
});
