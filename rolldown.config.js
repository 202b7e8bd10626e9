import { assembly } from './assembly.plugin.js'

/**
 * The built program in a few files: Node takes about a millisecond to find and load each module, and there were four
 * hundred of them.
 * `pipeline` and `signals` are entries for tests that use these parts of the built program in a process of their own,
 * `generator` is one for samples and benchmarks, `parts` one for benchmarks of inner loops.
 */
export default {
  input: {
    main: 'src/cli/main.ts',
    'decode-worker': 'src/pipeline/decode-worker.ts',
    'generate-worker': 'src/bench/generate-worker.ts',
    pipeline: 'src/pipeline/index.ts',
    signals: 'src/cli/signals.ts',
    generator: 'src/bench/generator/index.ts',
    parts: 'src/bench/parts.ts',
  },
  plugins: [assembly()],
  platform: 'node',
  // A native library, and a package that looks at its own file name.
  external: [/^chdb(\/|$)/, 'write-file-atomic'],
  output: { dir: 'dist', cleanDir: true, sourcemap: true, chunkFileNames: '[name].js' },
}
