import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';
import { arrowRules, boundaryOptions } from './tools/lint/arrows.mjs';

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
      // A port's methods are async because its interface is: what they throw must reject, also where nothing is awaited.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          destructuredArrayIgnorePattern: '^_',
          ignoreRestSiblings: true,
        },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  {
    // Programs of their own, which print.
    files: ['**/{bench,scripts}/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['packages/**/*.{ts,mjs}', 'apps/**/*.{ts,mjs}'],
    ignores: ['**/vitest.config.ts'],
    rules: {
      '@nx/enforce-module-boundaries': ['error', boundaryOptions],
    },
  },
  ...arrowRules,
);
