import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import nx from '@nx/eslint-plugin';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { beforeAll, describe, expect, test } from 'vitest';
import { arrowRules, boundaryOptions, coreArrows, packageArrows, runtimeLeaves } from './arrows.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The arrows alone: fixtures do not exist on disk, so rules that need types cannot read them. */
const arrowsOnly = new ESLint({
  cwd: root,
  overrideConfigFile: true,
  overrideConfig: /** @type {import('eslint').Linter.Config[]} */ ([
    {
      files: ['**/*.ts'],
      plugins: { '@nx': nx, '@typescript-eslint': tseslint.plugin },
      languageOptions: { parser: tseslint.parser },
    },
    {
      files: ['packages/**/*.ts', 'apps/**/*.ts'],
      rules: {
        '@nx/enforce-module-boundaries': ['error', boundaryOptions],
      },
    },
    ...arrowRules,
  ]),
});
const wholeConfig = new ESLint({ cwd: root });

/** @param {string} filePath @param {string} imported @returns {Promise<string[]>} `rule: message` for each finding */
async function lintImport(filePath, imported) {
  const [result] = await arrowsOnly.lintText(`import { x } from '${imported}';\nexport const y = x;\n`, {
    filePath: join(root, filePath),
  });
  return (result?.messages ?? []).map(({ ruleId, message }) => `${ruleId}: ${message}`);
}

// Without a cached project graph the Nx rule passes everything.
beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'node_modules', 'nx', 'dist', 'bin', 'nx.js'), 'show', 'projects'], {
    cwd: root,
    env: { ...process.env, NX_DAEMON: 'false' },
  });
});

describe('arrows between packages', () => {
  for (const { name, folder, mayImport, reason } of packageArrows)
    for (const other of packageArrows.filter((candidate) => candidate.name !== name)) {
      const file = `${folder}/src/fixture.ts`;
      if (mayImport.includes(other.name))
        test(`${name} may import ${other.name}`, async () => {
          expect(await lintImport(file, `@vlprm/${other.name}`)).toEqual([]);
        });
      else
        test(`${name} may not import ${other.name}`, async () => {
          const findings = await lintImport(file, `@vlprm/${other.name}`);
          expect(findings).toContainEqual(expect.stringContaining(reason));
          expect(findings).toContainEqual(expect.stringContaining('@nx/enforce-module-boundaries'));
        });
    }

  test('another package is not reached by a relative path', async () => {
    const findings = await lintImport('packages/tts/src/fixture.ts', '../../data/src/index.ts');
    expect(findings).toContainEqual(expect.stringContaining('@nx/enforce-module-boundaries'));
  });

  test("a package's own folders are not imported from outside", async () => {
    const findings = await lintImport('packages/tts/src/fixture.ts', '@vlprm/core/src/records/step.ts');
    expect(findings).toContainEqual(expect.stringContaining('Import what the package exports'));
  });
});

describe('arrows inside core', () => {
  const folders = coreArrows.map(({ folder }) => folder);
  for (const { folder, mayImport, reason } of coreArrows)
    for (const other of folders.filter((candidate) => candidate !== folder))
      for (const [depth, file, path] of [
        ['', 'fixture.ts', `../${other}/index.ts`],
        [' from a nested folder', 'nested/fixture.ts', `../../${other}/index.ts`],
      ])
        test(`${folder} ${mayImport.includes(other) ? 'may' : 'may not'} import ${other}${depth}`, async () => {
          const findings = await lintImport(`packages/core/src/${folder}/${file}`, path ?? '');
          if (mayImport.includes(other)) expect(findings).toEqual([]);
          else expect(findings).toContainEqual(expect.stringContaining(reason));
        });

  test('records import zod and nothing else from outside', async () => {
    expect(await lintImport('packages/core/src/records/fixture.ts', 'zod')).toEqual([]);
    for (const imported of ['node:fs', 'sharp', '@vlprm/native-cuda'])
      expect(await lintImport('packages/core/src/records/fixture.ts', imported)).toContainEqual(
        expect.stringContaining('browser-safe'),
      );
  });

  test('every folder may import the leaves of runtime, which import next to nothing', async () => {
    for (const leaf of Object.keys(runtimeLeaves)) {
      for (const folder of folders.filter((candidate) => candidate !== 'runtime'))
        expect(await lintImport(`packages/core/src/${folder}/fixture.ts`, `../runtime/${leaf}`)).toEqual([]);
      for (const imported of ['node:fs', './events.ts', '../records/index.ts'])
        expect(await lintImport(`packages/core/src/runtime/${leaf}`, imported)).toContainEqual(
          expect.stringContaining('every folder of core may import it'),
        );
    }
    expect(await lintImport('packages/core/src/runtime/random.ts', './errors.ts')).toEqual([]);
    expect(await lintImport('packages/core/src/statistics/fixture.ts', '../runtime/events.ts')).not.toEqual([]);
  });

  test('the package root exports no adapter', async () => {
    expect(await lintImport('packages/core/src/index.ts', './models/onnx/index.ts')).toContainEqual(
      expect.stringContaining('exports no adapter'),
    );
    expect(await lintImport('packages/core/src/index.ts', './models/index.ts')).toEqual([]);
  });
});

test('the typed client stays browser-safe', async () => {
  const file = 'packages/api/src/client/fixture.ts';
  for (const imported of ['@vlprm/core', 'fastify', '../router.ts', 'node:http'])
    expect(await lintImport(file, imported)).toContainEqual(expect.stringContaining('runs in browsers'));
  for (const imported of ['@trpc/client', '@vlprm/core/records', './link.ts'])
    expect(await lintImport(file, imported)).toEqual([]);
});

test('eslint.config.mjs holds every source file against the arrows', async () => {
  const files = packageArrows.map(({ folder }) => `${folder}/src/fixture.ts`);
  for (const file of [...files, ...coreArrows.map(({ folder }) => `packages/core/src/${folder}/fixture.ts`)]) {
    const { rules } = await wholeConfig.calculateConfigForFile(join(root, file));
    const expected = await arrowsOnly.calculateConfigForFile(join(root, file));
    for (const rule of ['@typescript-eslint/no-restricted-imports', '@nx/enforce-module-boundaries'])
      expect(rules[rule], `${file}: ${rule}`).toEqual(expected.rules[rule]);
  }
});
