import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';
import { arrowRules, depConstraints } from './tools/lint/arrows.mjs';

export default tseslint.config(
  {
    ignores: [
      '**/dist/',
      '**/out-tsc/',
      '**/build/',
      '**/prebuilds/',
      '**/coverage/',
      '.nx/',
      '.venv/',
      'runs/',
      '**/python/',
    ],
  },
  { plugins: { '@nx': nx, '@typescript-eslint': tseslint.plugin }, languageOptions: { parser: tseslint.parser } },
  {
    files: ['packages/*/{src,bench,scripts}/**/*.ts', 'apps/*/{src,bench,scripts}/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Indexing is checked (noUncheckedIndexedAccess); kernels and tests index arrays whose length they have just checked.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.test.ts'],
    rules: {
      // node:test-style callbacks and scripted ports are async because their interface is.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['packages/**/*.{ts,mjs}', 'apps/**/*.{ts,mjs}'],
    ignores: ['**/vitest.config.ts'],
    rules: {
      '@nx/enforce-module-boundaries': ['error', { enforceBuildableLibDependency: true, allow: [], depConstraints }],
    },
  },
  ...arrowRules,
);
