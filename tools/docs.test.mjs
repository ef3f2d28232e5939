import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { packageNames } from './suites/python.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @param {...string} patterns @returns {string[]} files that git tracks or would add, relative to the root */
function listFiles(...patterns) {
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns], {
    cwd: root,
    encoding: 'utf8',
  });
  return output.split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
}

/** @param {string} file @returns {string} */
const read = (file) => readFileSync(join(root, file), 'utf8');

describe('relative links', () => {
  test.each(listFiles('*.md'))('%s', (file) => {
    const targets = [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map(
      ([, target]) => target ?? '',
    );
    const broken = targets.filter((target) => !existsSync(join(root, dirname(file), target)));
    expect(broken).toEqual([]);
  });
});

test('docs/README.md lists every page and every decision', () => {
  const index = read('docs/README.md');
  const pages = listFiles('docs/*.md', 'docs/decisions/*.md').filter((file) => file !== 'docs/README.md');
  const missing = pages.filter((file) => !index.includes(`](${file.slice('docs/'.length)})`));
  expect(missing).toEqual([]);
});

test('decision 0001 gives a reason for every dependency, and for nothing else', () => {
  const rows = [...read('docs/decisions/0001-dependencies.md').matchAll(/^\| ([^|]+) \|/gm)].slice(1);
  const explained = rows.flatMap(([, names]) => (names ?? '').split(',').map((name) => name.trim()));
  const inNode = listFiles('package.json', 'packages/*/package.json', 'apps/*/package.json').flatMap((file) => {
    const { dependencies, devDependencies, peerDependencies, optionalDependencies } = JSON.parse(read(file));
    return Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies });
  });
  const inPython = listFiles('packages/*/python/requirements.txt').flatMap((file) => packageNames(read(file)));
  const declared = [...inNode, ...inPython].filter((name) => !/^@(vlprm|types)\//.test(name));
  expect(explained.toSorted()).toEqual([...new Set(declared)].toSorted());
});

test('package-lock.json names no registry host', () => {
  const { packages } = JSON.parse(read('package-lock.json'));
  const resolved = Object.values(packages).flatMap((entry) => (entry.link || !entry.resolved ? [] : [entry.resolved]));
  expect(resolved).toEqual([]);
});
