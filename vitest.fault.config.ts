import { defineConfig } from 'vitest/config'
import { assembly } from './assembly.plugin.js'

// The long runs: random kills, cuts and crash points. `npm test` holds a small fixed set of the same.
export default defineConfig({
  plugins: [assembly()],
  test: {
    include: ['test/fault/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    env: { TZ: 'UTC' },
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
  },
})
