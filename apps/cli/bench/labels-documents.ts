/** Writes the tables of docs/labels.md and its figure anew from the committed results: `npx nx run cli:labels-documents`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { faultsSchema } from './faults/schema.ts';
import { faultParts } from './faults/tables.ts';
import { labelsFigure } from './labels/figure.ts';
import { withParts } from './labels/page.ts';
import { labelsSchema } from './labels/schema.ts';
import { labelParts } from './labels/tables.ts';

const DOCS = new URL('../../../docs/', import.meta.url);
const PAGE = new URL('labels.md', DOCS);
const readResult = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`results/${name}.json`, import.meta.url), 'utf8'));

const labels = labelsSchema.parse(readResult('labels'));
const parts = { ...labelParts(labels), ...faultParts(faultsSchema.parse(readResult('faults'))) };
writeFileSync(PAGE, withParts(readFileSync(PAGE, 'utf8'), parts));
mkdirSync(new URL('figures/', DOCS), { recursive: true });
writeFileSync(new URL('figures/labels.svg', DOCS), labelsFigure(labels));
