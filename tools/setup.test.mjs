import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installReason, isTooOld, nativeSkips, stalePackages } from './setup.mjs';

const lock = {
  packages: {
    '': { version: '0.1.0' },
    'packages/core': { version: '0.1.0' },
    'node_modules/@vlprm/core': { link: true },
    'node_modules/zod': { version: '4.6.7' },
    'node_modules/binary-of-another-platform': { version: '1.0.0', optional: true },
    'node_modules/leftover': { version: '1.0.0', extraneous: true },
  },
};
const installed = {
  packages: {
    'node_modules/@vlprm/core': { link: true },
    'node_modules/zod': { version: '4.6.7' },
  },
};

describe('stale packages', () => {
  test('none when every required package is installed as locked', () => {
    expect(stalePackages(lock, installed)).toEqual([]);
  });

  test('a missing one, one of another version, and a workspace that is not linked', () => {
    expect(stalePackages(lock, { packages: {} })).toEqual(['node_modules/@vlprm/core', 'node_modules/zod']);
    expect(
      stalePackages(lock, { packages: { ...installed.packages, 'node_modules/zod': { version: '4.0.0' } } }),
    ).toEqual(['node_modules/zod']);
    expect(stalePackages(lock, { packages: { ...installed.packages, 'node_modules/@vlprm/core': {} } })).toEqual([
      'node_modules/@vlprm/core',
    ]);
  });
});

describe('the reason to install', () => {
  /** @type {string} */
  let root;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'vlprm-setup-'));
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('a fresh clone', () => {
    expect(installReason(root)).toBe('node_modules is missing');
  });

  test('a changed lock file, and none after the installation', () => {
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: {} }));
    expect(installReason(root)).toMatch(/stale/);
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify(installed));
    expect(installReason(root)).toBeNull();
  });
});

describe('what the native build left out', () => {
  test('everything, without a toolchain', () => {
    expect(nativeSkips({ built: false, reason: 'cmake not found' })).toEqual([
      { what: 'native kernels', reason: 'cmake not found; the TypeScript kernels serve' },
    ]);
  });

  test('CUDA, without nvcc', () => {
    expect(nativeSkips({ built: true, cuda: { built: false, reason: 'nvcc was not found' } })).toEqual([
      { what: 'CUDA kernels', reason: 'nvcc was not found' },
    ]);
  });

  test('nothing, when all was built', () => {
    expect(nativeSkips({ built: true, cuda: { built: true } })).toEqual([]);
  });
});

describe('the oldest Node', () => {
  test.each([
    ['18.20.4', true],
    ['20.18.9', true],
    ['20.19.0', false],
    ['22.0.0', false],
  ])('%s is too old: %s', (version, tooOld) => {
    expect(isTooOld(version)).toBe(tooOld);
  });

  test('is the one that package.json names', () => {
    const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    const oldest = /^>=(\d+\.\d+)$/.exec(engines.node)?.[1] ?? '';
    expect(isTooOld(`${oldest}.0`)).toBe(false);
    expect(isTooOld(`20.18.99`)).toBe(true);
    expect(oldest).toBe('20.19');
  });
});
