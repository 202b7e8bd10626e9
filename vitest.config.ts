import { defineConfig } from 'vitest/config'
import { assembly } from './assembly.plugin.js'

// Each file runs in a process of its own: chDB holds one data directory per process, and takes its time zone from TZ when it loads.
export default defineConfig({
  plugins: [assembly()],
  test: {
    include: ['src/**/*.test.ts', 'test/{contract,property,integration,cli}/**/*.test.ts', 'samples/*.test.js'],
    pool: 'forks',
    maxWorkers: 2,
    env: { TZ: 'UTC' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
