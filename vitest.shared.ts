import { defineConfig } from 'vitest/config';

/** Tests run from source: workspace packages resolve through the `@vlprm/source` export condition, so no build is needed. */
export default defineConfig({
  ssr: {
    resolve: {
      conditions: ['@vlprm/source', 'module', 'node', 'development|production'],
      externalConditions: ['@vlprm/source', 'node'],
    },
  },
  test: {
    include: ['{src,bench}/**/*.test.ts'],
    passWithNoTests: true,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['src/**/*.test.ts'] },
  },
});
