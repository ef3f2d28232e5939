import { FAMILY_IDS, type Family, type FamilyId, type Query } from '../family.ts';
import { colorGrid } from './color-grid.ts';
import { count } from './count.ts';
import { numberTriple } from './number-triple.ts';
import { oddCell } from './odd-cell.ts';
import { polygonSides } from './polygon-sides.ts';
import { shapeSizeGrid } from './shape-size-grid.ts';

export const FAMILIES: Readonly<Record<FamilyId, Family>> = {
  'shape-size-grid': shapeSizeGrid,
  'color-grid': colorGrid,
  'number-triple': numberTriple,
  'polygon-sides': polygonSides,
  count,
  'odd-cell': oddCell,
};

/** The query behind a question text; null when no family asks like that. */
export function readQuestion(question: string): Query | null {
  for (const id of FAMILY_IDS) {
    const query = FAMILIES[id].readQuestion(question);
    if (query !== null) return query;
  }
  return null;
}
