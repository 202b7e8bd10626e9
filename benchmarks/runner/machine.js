import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release, totalmem, type } from 'node:os'

/** @returns {Record<string, string>} what the numbers depend on */
export function machine() {
  const require = createRequire(import.meta.url)
  const version = (/** @type {string} */ name) => require(`${name}/package.json`).version
  const processors = cpus()
  return {
    processor: `${processors.length} × ${processors[0].model.trim()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    Node: process.version,
    chdb: version('chdb'),
    'stream-json': JSON.parse(
      readFileSync(new URL('../../node_modules/stream-json/package.json', import.meta.url), 'utf8'),
    ).version,
    hyperfine: execFileSync('hyperfine', ['--version'], { encoding: 'utf8' }).trim().replace('hyperfine ', ''),
  }
}
