// Who may import whom, and why. eslint.config.mjs makes rules of it; arrows.test.mjs breaks every one of them on purpose.

/**
 * @typedef {object} PackageArrows
 * @property {string} name a project
 * @property {string} folder
 * @property {readonly string[]} mayImport projects
 * @property {string} reason why it may import no other
 *
 * @typedef {object} FolderArrows
 * @property {string} folder below packages/core/src
 * @property {readonly string[]} mayImport sibling folders
 * @property {string} reason
 */

/** @type {readonly PackageArrows[]} */
export const packageArrows = [
  {
    name: 'native-cuda',
    folder: 'packages/native-cuda',
    mayImport: [],
    reason: 'native-cuda is arithmetic on arrays: it must not know what a step or a policy is',
  },
  {
    name: 'core',
    folder: 'packages/core',
    mayImport: ['native-cuda'],
    reason: 'core knows no dataset, no training and no server, so that every other package can stand on it',
  },
  {
    name: 'data',
    folder: 'packages/data',
    mayImport: ['core', 'native-cuda'],
    reason: 'data, train and tts never import each other: they share records, ports and statistics in core',
  },
  {
    name: 'train',
    folder: 'packages/train',
    mayImport: ['core', 'native-cuda'],
    reason: 'data, train and tts never import each other: they share records, ports and statistics in core',
  },
  {
    name: 'tts',
    folder: 'packages/tts',
    mayImport: ['core', 'native-cuda'],
    reason: 'data, train and tts never import each other: a strategy must not know how a dataset is made',
  },
  {
    name: 'api',
    folder: 'packages/api',
    mayImport: ['core', 'data', 'train', 'tts'],
    reason: 'api composes and serves; kernels are reached through the packages that use them, commands live in the cli',
  },
  {
    name: 'cli',
    folder: 'apps/cli',
    mayImport: ['api', 'core', 'data', 'native-cuda', 'train', 'tts'],
    reason: 'cli is the outermost layer',
  },
];

/** Leaves of runtime that every folder of core may import (docs/decisions/0002, 0003), and what these may import. @type {Readonly<Record<string, readonly string[]>>} */
export const runtimeLeaves = { 'errors.ts': [], 'random.ts': ['errors.ts'] };

/** @type {readonly FolderArrows[]} */
export const coreArrows = [
  {
    folder: 'records',
    mayImport: [],
    reason: 'records import zod alone, so that the client and the studio stay browser-safe',
  },
  {
    folder: 'text',
    mayImport: ['records'],
    reason: 'text turns records into strings and back: it needs no statistics, runtime or model',
  },
  { folder: 'statistics', mayImport: ['records', 'text'], reason: 'statistics are pure functions of records' },
  {
    folder: 'search',
    mayImport: ['records', 'text', 'statistics'],
    reason: 'a search tree knows no model and no runtime: strategies bring them',
  },
  {
    folder: 'runtime',
    mayImport: ['records'],
    reason: 'runtime carries any work: it must not know what a model or a strategy is',
  },
  {
    folder: 'models',
    mayImport: ['records', 'text', 'runtime'],
    reason: 'a model adapter reports what it saw: votes and search are made elsewhere',
  },
];

const projects = packageArrows.map(({ name }) => name);

/** @typedef {{ regex: string, message: string, allowTypeImports?: boolean }} Pattern */

/** @param {PackageArrows} arrows @returns {Pattern[]} */
function packagePatterns({ name, mayImport, reason }) {
  const forbidden = projects.filter((other) => other !== name && !mayImport.includes(other));
  /** @type {Pattern[]} */
  const patterns = [
    {
      regex: '^@vlprm/[^/]+/(src|dist)(/|$)',
      message: 'Import what the package exports: its folders may move.',
    },
  ];
  if (forbidden.length > 0)
    patterns.push({
      regex: `^@vlprm/(${forbidden.join('|')})(/|$)`,
      message: `${name} may not import this: ${reason}.`,
    });
  return patterns;
}

/** @param {FolderArrows} arrows @returns {Pattern[]} */
function corePatterns({ folder, mayImport, reason }) {
  const siblings = ['search', 'testing', ...coreArrows.map((arrows) => arrows.folder)];
  const forbidden = [...new Set(siblings)].filter((other) => other !== folder && !mayImport.includes(other));
  const patterns = [
    {
      regex: `^(\\.\\./)+(?!runtime/(${Object.keys(runtimeLeaves).join('|')})$)(${forbidden.join('|')})/`,
      message: `core/${folder} may not import this: ${reason}.`,
    },
    { regex: '^@vlprm/core(/|$)', message: 'Inside core, import the file by its relative path.' },
  ];
  if (folder === 'records')
    patterns.push({ regex: '^(?!\\.|zod$)', message: `core/records may not import this: ${reason}.` });
  return patterns;
}

/** @param {readonly string[]} files @param {Pattern[]} patterns @param {readonly string[]} [ignores] */
function restrict(files, patterns, ignores) {
  return {
    files: [...files],
    ...(ignores ? { ignores: [...ignores] } : {}),
    rules: { '@typescript-eslint/no-restricted-imports': /** @type {const} */ (['error', { patterns }]) },
  };
}

/** Tag constraints: the same arrows. */
const depConstraints = packageArrows.map(({ name, mayImport }) => ({
  sourceTag: `scope:${name}`,
  onlyDependOnLibsWithTags: [`scope:${name}`, ...mayImport.map((other) => `scope:${other}`)],
}));

/** Options of @nx/enforce-module-boundaries, which also holds the arrows against relative paths and cycles. The cli loads a package when a command needs it, and imports types of the same package: both are fine. */
export const boundaryOptions = {
  enforceBuildableLibDependency: true,
  checkDynamicDependenciesExceptions: ['.*'],
  allow: [],
  depConstraints,
};

const core = /** @type {PackageArrows} */ (packageArrows.find(({ name }) => name === 'core'));
const api = /** @type {PackageArrows} */ (packageArrows.find(({ name }) => name === 'api'));

/** Flat-config entries; a later entry replaces an earlier one for the files that it names. */
export const arrowRules = [
  ...packageArrows.map((arrows) => restrict([`${arrows.folder}/**/*.{ts,mjs}`], packagePatterns(arrows))),
  ...coreArrows.map((arrows) =>
    restrict(
      [`packages/core/src/${arrows.folder}/**/*.ts`],
      [...packagePatterns(core), ...corePatterns(arrows)],
      ['**/*.test.ts'],
    ),
  ),
  restrict(
    ['packages/core/src/index.ts'],
    [
      ...packagePatterns(core),
      {
        regex: '^\\./(models/.+/|testing/)',
        message: 'The package root of core exports no adapter: export it from its own entry point.',
      },
    ],
  ),
  ...Object.entries(runtimeLeaves).map(([leaf, mayImport]) =>
    restrict(
      [`packages/core/src/runtime/${leaf}`],
      [
        {
          regex: mayImport.length === 0 ? '.' : `^(?!\\./(${mayImport.join('|')})$)`,
          message: `${leaf} may import only [${mayImport.join(', ')}], because every folder of core may import it (docs/decisions/0002, 0003).`,
        },
      ],
    ),
  ),
  restrict(
    ['packages/api/src/client/**/*.ts'],
    [
      ...packagePatterns(api),
      {
        regex: '^(?!@trpc/client$|@vlprm/core/records$|\\./)',
        allowTypeImports: true,
        message: 'The client runs in browsers: it may import @trpc/client, @vlprm/core/records and types alone.',
      },
    ],
    ['**/*.test.ts'],
  ),
];
