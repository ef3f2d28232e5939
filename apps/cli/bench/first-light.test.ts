import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firstLightSchema, firstLightTable } from './first-light-table.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const committed = firstLightSchema.parse(JSON.parse(read('./results/first-light.json')));

describe('the committed first light', () => {
  it('is what the README quotes', () => {
    const readme = read('../../../README.md');
    expect(readme).toContain(firstLightTable(committed));
    const seeds = committed.runs.map(({ report }) => report.seed);
    expect(readme).toContain(`Seeds ${seeds.slice(0, -1).join(', ')} and ${seeds.at(-1) ?? ''}`);
    expect(readme).toContain(committed.date);
  });

  it('reached its targets on every seed', () => {
    for (const { report } of committed.runs) {
      expect(report.gates.targets.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual([]);
    }
  });
});
