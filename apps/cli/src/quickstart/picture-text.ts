import { FAMILIES, type Puzzle } from '@vlprm/data/puzzle-world';

/** What a puzzle's picture shows, row by row, for readers who cannot see it. The cell that is asked for is not named. */
export function describePicture({ scene }: Puzzle): string {
  const { rows, columns } = FAMILIES[scene.family];
  const name = (index: number): string => {
    if (index === scene.query.blank) return 'a question mark';
    return Object.values(scene.elements[index] ?? {}).join(' ') || 'nothing';
  };
  const lines = Array.from({ length: rows }, (_, row) => {
    const cells = Array.from({ length: columns }, (_cell, column) => name(row * columns + column));
    return `row ${row + 1}: ${cells.join(', ')}`;
  });
  return `Picture with ${rows} rows and ${columns} columns; ${lines.join('; ')}.`;
}
