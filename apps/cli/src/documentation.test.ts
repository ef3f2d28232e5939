import { readFileSync } from 'node:fs';
import {
  batchSchema,
  endpointCapabilitiesSchema,
  endpointSchema,
  SAMPLING_PRESETS,
} from '@vlprm/core/models/endpoints';
import { expect, it } from 'vitest';
import { createProgram } from './command-line.ts';
import { configSchema } from './config/config-schema.ts';

const read = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
const page = read('command-line.md');
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

/** Names in the first column of the first table under a heading. */
function firstColumn(text: string, heading: string): string[] {
  const table = /(?:^\|.*\n)+/m.exec(text.split(`\n${heading}\n`)[1] ?? '')?.[0] ?? '';
  return table
    .split('\n')
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`(\w+)`/g)].map(([, key]) => key!));
}

it('documents every key of an endpoint, every capability and every preset, and no other', () => {
  const endpoints = read('endpoints.md');
  expect(firstColumn(endpoints, '## An endpoint').toSorted()).toEqual(Object.keys(endpointSchema.shape).toSorted());
  const batch = firstColumn(endpoints, '## Offline: the batch API');
  expect(batch.toSorted()).toEqual(Object.keys(batchSchema.shape).toSorted());
  const capabilities = firstColumn(endpoints, '## What a model can do');
  expect(capabilities.toSorted()).toEqual(Object.keys(endpointCapabilitiesSchema.shape).toSorted());
  for (const preset of Object.keys(SAMPLING_PRESETS)) expect(endpoints).toContain(`\`${preset}\``);
});
