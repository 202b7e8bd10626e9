import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'

/** @param {string} name @returns {string} of an installed package: not all export their package.json */
function version(name) {
  return JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
}

/** @returns {Record<string, string>} what the numbers depend on */
export function machine() {
  const processors = cpus()
  return {
    processor: `${processors.length} × ${processors[0].model.trim()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    Node: process.version,
    chdb: version('chdb'),
    '@clickhouse/client': version('@clickhouse/client'),
    'stream-json': version('stream-json'),
    tinybench: version('tinybench'),
    hyperfine: execFileSync('hyperfine', ['--version'], { encoding: 'utf8' }).trim().replace('hyperfine ', ''),
  }
}
