import type { DatasetManifest } from '@vlprm/core/records';
import { NOT_STATED } from '../formats/imported-dataset.ts';

/** Size classes of Hugging Face dataset cards: https://huggingface.co/docs/hub/datasets-cards */
const SIZES: readonly [number, string][] = [
  [1e3, 'n<1K'],
  [1e4, '1K<n<10K'],
  [1e5, '10K<n<100K'],
  [1e6, '100K<n<1M'],
  [1e7, '1M<n<10M'],
];

function sizeCategory(rows: number): string {
  return SIZES.find(([limit]) => rows < limit)?.[1] ?? 'n>10M';
}

/** What a card counts beside the manifest. */
export interface DatasetCounts {
  /** Labels of all steps. */
  readonly labels: { readonly right: number; readonly neutral: number; readonly wrong: number; readonly none: number };
  /** Traces by source, e.g. `puzzle-world/count`. */
  readonly sources: Readonly<Record<string, number>>;
  /** Traces by the rule's reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

function table(head: readonly [string, string], rows: readonly (readonly [string, number])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), '|---|---:|', ...rows.map(line)].join('\n');
}

function frontMatter(manifest: DatasetManifest): string {
  const licenses = [...new Set(Object.values(manifest.licenses))];
  const [only = 'unknown'] = licenses;
  const license = licenses.length > 1 ? 'other' : only === NOT_STATED ? 'unknown' : only;
  const splits = Object.keys(manifest.splits).map(
    (split) => `      - split: ${split}\n        path: ${split}-*.parquet`,
  );
  return [
    '---',
    'pretty_name: Step-labelled visual reasoning traces',
    `license: ${license}`,
    'language: [en]',
    'task_categories: [visual-question-answering]',
    'tags: [process-reward-model, vlprm]',
    `size_categories: ['${sizeCategory(manifest.traces)}']`,
    'configs:',
    '  - config_name: default',
    '    data_files:',
    ...splits,
    '---',
  ].join('\n');
}

/** `README.md` of a dataset folder: a Hugging Face dataset card. */
export function datasetCard(manifest: DatasetManifest, counts: DatasetCounts): string {
  const { labels, sources, reasons } = counts;
  const byName = (record: Readonly<Record<string, number>>): [string, number][] =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  const threshold = manifest.threshold === null ? '' : `, threshold ${manifest.threshold}`;
  const labelling =
    manifest.rule === null
      ? 'Not labelled: `vlprm label` does that from the evidence.'
      : `Label rule: \`${manifest.rule}\`${threshold}. Kept: ${manifest.kept} of ${manifest.traces}; the others stay with \`consensus.kept = false\` and a reason.`;
  return `${frontMatter(manifest)}

# Step-labelled visual reasoning traces

${manifest.traces} solutions of visual problems, step by step, with the evidence for every step and a label. Written by vlprm; schema of a row: \`vlprm.trace/1\`.

- ${labelling}
- A label is 1 (right), 0 (neutral), -1 (wrong) or null (not supervised). Steps after the first error carry none.
- \`steps[].mc\` counts Monte-Carlo rollouts from the prefix that ends with the step: a failed call, an unparsable answer and a wrong answer are counted apart. \`steps[].judge\` holds the verdicts of the judges.
- \`groupId\` is the unit of splitting: rows that share it belong into one split.
- \`images[].path\` is relative to this folder.

${table(
  ['label', 'steps'],
  [
    ['right', labels.right],
    ['neutral', labels.neutral],
    ['wrong', labels.wrong],
    ['none', labels.none],
  ],
)}

${table(['source', 'traces'], byName(sources))}

${table(['reason', 'traces'], byName(reasons))}

\`manifest.json\` lists the files with their hashes. Licences: ${
    Object.entries(manifest.licenses)
      .map(([source, license]) => `${source}: ${license}`)
      .join('; ') || 'see the sources'
  }.
`;
}
