import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createProgram } from './command-line.ts';
import { configSchema } from './config/config-schema.ts';

const page = readFileSync(new URL('../../../docs/command-line.md', import.meta.url), 'utf8');
const silent = { write: () => undefined };
const { commands } = createProgram({ stdout: silent, stderr: silent });

it('documents every command and every flag of it', () => {
  for (const command of commands) {
    expect(page).toMatch(new RegExp(`\\| \`${command.name()}( [A-Z]+)?\` +\\|`));
    for (const { long } of command.options) expect(page, `${command.name()} ${long}`).toContain(`${long}`);
  }
});

it('documents every key of the configuration, and no other', () => {
  const rows =
    page
      .split('## Configuration')[1]
      ?.split('\n## ')[0]
      ?.match(/^\| `.*?(?= \|)/gm) ?? [];
  const documented = rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, key]) => key));
  expect(documented.toSorted()).toEqual(Object.keys(configSchema.shape).toSorted());
});
