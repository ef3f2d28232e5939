import { expect, it } from 'vitest';
import { textTable } from './table.ts';

it('sets columns as wide as their widest cell, figures flush right, without trailing blanks', () => {
  const table = textTable(
    [{ title: 'Rule' }, { title: 'F1', align: 'right' }, { title: 'Note' }],
    [
      ['hybrid', '0.9', 'kept'],
      ['mc0', '0.12', ''],
    ],
  );
  expect(table.split('\n')).toEqual(['Rule      F1  Note', '──────  ────  ────', 'hybrid   0.9  kept', 'mc0     0.12']);
});
