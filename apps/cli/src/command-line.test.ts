import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createProgram, runCommandLine } from './command-line.ts';
import { loadConfig } from './config/load-config.ts';
import { VERSION } from './version.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  const exitCode = await runCommandLine(args, {
    stdout: { write: (part) => (text.stdout += part) },
    stderr: { write: (part) => (text.stderr += part) },
  });
  return { exitCode, ...text };
}

const COMMANDS = [
  'quickstart',
  'synthesize',
  'import',
  'label',
  'audit',
  'disagreements',
  'train',
  'evaluate',
  'score',
  'solve',
  'serve',
  'report',
  'doctor',
];

describe('the command line', () => {
  it('has every command, each with the shared flags', () => {
    const silent = { write: () => undefined };
    const program = createProgram({ stdout: silent, stderr: silent });
    expect(program.commands.map((command) => command.name())).toEqual(COMMANDS);
    for (const command of program.commands) {
      const flags = command.options.map((option) => option.long);
      expect(flags).toEqual(
        expect.arrayContaining(['--config', '--seed', '--out', '--format', '--quiet', '--verbose']),
      );
    }
  });

  it('prints its version and help on stdout and ends with 0', async () => {
    expect(await run('--version')).toEqual({ exitCode: 0, stdout: `${VERSION}\n`, stderr: '' });
    const help = await run('solve', '--help');
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain('--image <file>');
  });

  it('shows its help on stderr when nothing is asked', async () => {
    const nothing = await run();
    expect(nothing).toMatchObject({ exitCode: 2, stdout: '' });
    expect(nothing.stderr).toContain('Usage: vlprm');
  });

  it.each([
    [['synthesise'], /^error\[ERR_USAGE\]: unknown command 'synthesise' \(Did you mean synthesize\?\)/],
    [['train', '--out', 'x'], /^error\[ERR_USAGE\]: required option '--data <dir>' not specified/],
    [['doctor', '--format', 'xml'], /^error\[ERR_USAGE\]: .*Allowed choices are text, json/],
    [
      ['solve', '--image', 'a', '--question', 'b', '--n', '1.5'],
      /^error\[ERR_RANGE\]: --n must be an integer from 1 to 1024, not "1\.5"/,
    ],
    [['label', '.', '--threshold', '2', '--out', 'x'], /^error\[ERR_RANGE\]: --threshold must be a number from 0 to 1/],
    [['solve', '--image', 'a', '--question', 'b', '--seed', '-1'], /^error\[ERR_/],
  ])('answers %j with one line and exit 2', async (args, line) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('adds the stack with --verbose', async () => {
    const { exitCode, stderr } = await run('report', join(folder, 'nowhere'), '--verbose');
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^error\[ERR_FILE_MISSING\]: [^\n]*\n[^\n]*Error: /);
    expect(stderr).toMatch(/\n {4}at /);
  });
});

describe('loadConfig', () => {
  it('reads YAML and JSON, and lets flags override', async () => {
    writeFileSync(join(folder, 'run.yaml'), 'seed: 4\nrollouts: 8\npolicy: puzzle-world\n');
    writeFileSync(join(folder, 'run.json'), '{"seed": 5, "out": "there"}');
    expect(await loadConfig(join(folder, 'run.yaml'), { seed: undefined, rollouts: 2 })).toMatchObject({
      seed: 4,
      rollouts: 2,
      policy: 'puzzle-world',
    });
    expect(await loadConfig(join(folder, 'run.json'), {})).toMatchObject({
      seed: 5,
      out: 'there',
      policy: 'puzzle-world',
    });
    expect(await loadConfig(null, { seed: 9 })).toMatchObject({ seed: 9, prm: null });
  });

  it('lets a flag set a part of a key', async () => {
    writeFileSync(join(folder, 'budget.json'), '{"budget": {"calls": 5, "usd": 1}}');
    const merged = await loadConfig(join(folder, 'budget.json'), { budget: { usd: 2 }, remoteImages: {} });
    expect(merged).toMatchObject({ budget: { calls: 5, usd: 2 }, remoteImages: { maxRedirects: 3 } });
  });

  it.each([
    ['unknown.yaml', 'sede: 4\n', 'ERR_CONFIG'],
    ['range.yaml', 'rollouts: 0\n', 'ERR_CONFIG'],
    ['torn.yaml', 'a: [1,\n', 'ERR_CONFIG'],
    ['list.yaml', '- 1\n- 2\n', 'ERR_CONFIG'],
  ])('refuses %s', async (name, text, code) => {
    writeFileSync(join(folder, name), text);
    await expect(loadConfig(join(folder, name), {})).rejects.toMatchObject({ code });
  });
});
