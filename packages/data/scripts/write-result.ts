import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Prints a result as JSON, and writes it to `--json FILE`, a path from where the command was given. */
export function writeResult(result: unknown, file: string | undefined): void {
  const text = `${JSON.stringify(result, null, 2)}\n`;
  process.stdout.write(text);
  if (file === undefined) return;
  const path = resolve(process.env['INIT_CWD'] ?? process.cwd(), file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
