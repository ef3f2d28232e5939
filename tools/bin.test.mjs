import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A program in TypeScript that shows what reached it: arguments, stdin, a signal. */
const PROGRAM = `
const [command, ...rest]: string[] = process.argv.slice(2);
if (command === 'exit') process.exitCode = Number(rest[0]);
else if (command === 'echo') process.stdout.write(JSON.stringify(rest));
else if (command === 'stdin') process.stdin.pipe(process.stdout);
else if (command === 'wait') {
  process.on('SIGINT', () => process.exit(130));
  setInterval(() => undefined, 1000);
  process.stdout.write('waiting');
}
else process.kill(process.pid, 'SIGKILL');
`;

describe('the vlprm bin', () => {
  /** @type {string} */
  let folder;
  /** @type {string} */
  let bin;
  beforeAll(() => {
    mkdirSync(join(root, '.nx'), { recursive: true });
    folder = mkdtempSync(join(root, '.nx', 'bin-test-'));
    for (const name of ['bin', 'src']) mkdirSync(join(folder, name));
    bin = join(folder, 'bin', 'vlprm.mjs');
    copyFileSync(join(root, 'apps', 'cli', 'bin', 'vlprm.mjs'), bin);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    writeFileSync(join(folder, 'src', 'main.ts'), PROGRAM);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([0, 2, 3, 4, 5, 70])('passes exit code %i through', (code) => {
    expect(spawnSync(process.execPath, [bin, 'exit', String(code)]).status).toBe(code);
  });

  test('passes arguments and stdin through, and adds nothing to stdout or stderr', () => {
    const echo = spawnSync(process.execPath, [bin, 'echo', '--flag', 'a b', '', '--n=3'], { encoding: 'utf8' });
    expect(echo).toMatchObject({ stdout: '["--flag","a b","","--n=3"]', stderr: '', status: 0 });
    expect(spawnSync(process.execPath, [bin, 'stdin'], { encoding: 'utf8', input: 'piped' }).stdout).toBe('piped');
  });

  test('passes an interrupt on and ends as the command does', async () => {
    const child = spawn(process.execPath, [bin, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
  });

  test('reports a killed command as 128 + signal', () => {
    expect(spawnSync(process.execPath, [bin, 'die']).status).toBe(137);
  });

  test('says what to do when nothing is installed', () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'vlprm-bin-'));
    try {
      for (const name of ['bin', 'src']) mkdirSync(join(elsewhere, name));
      copyFileSync(bin, join(elsewhere, 'bin', 'vlprm.mjs'));
      writeFileSync(join(elsewhere, 'src', 'main.ts'), PROGRAM);
      const { status, stderr } = spawnSync(process.execPath, [join(elsewhere, 'bin', 'vlprm.mjs')], {
        encoding: 'utf8',
      });
      expect(status).toBe(70);
      expect(stderr).toMatch(/^error\[ERR_INTERNAL\]: .* run npm ci\n$/);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });
});
