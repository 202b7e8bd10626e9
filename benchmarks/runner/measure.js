import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PEAK_RSS = fileURLToPath(new URL('./peak-rss.cjs', import.meta.url))

/**
 * What one run of a command took: seconds, CPU seconds of all its threads, and bytes of memory at its peak.
 * @typedef {{ wall: number, cpu: number, rss: number }} Measure
 */

/**
 * Runs a Node script once, as hyperfine does it: whole command, no shell.
 * @param {readonly string[]} args script and arguments
 * @returns {Measure}
 */
export function measure(args) {
  const notes = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    const exported = join(notes, 'hyperfine.json')
    const rss = mkdtempSync(join(notes, 'rss-'))
    const command = [process.execPath, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
    const options = ['--runs', '1', '--shell=none', '--style', 'none', '--export-json', exported]
    // In an empty directory: the command reads a config file where it is started.
    const where = { cwd: rss, env: measuredEnvironment(rss), encoding: /** @type {const} */ ('utf8') }
    const run = spawnSync('hyperfine', [...options, command], where)
    if (run.error !== undefined) throw new Error('hyperfine is needed: apt-get install hyperfine', { cause: run.error })
    if (run.status !== 0) throw new Error(`this command failed: ${command}\n${run.stderr}`)
    const [{ mean, user, system }] = JSON.parse(readFileSync(exported, 'utf8')).results
    return { wall: mean, cpu: user + system, rss: largestNote(rss) }
  } finally {
    rmSync(notes, { recursive: true })
  }
}

/**
 * The environment of a measured process: none of obleth's variables, so that no real ledger can be reached.
 * @param {string} rssDirectory where it leaves its peak memory
 * @returns {Record<string, string | undefined>}
 */
export function measuredEnvironment(rssDirectory) {
  const kept = Object.entries(process.env).filter(([name]) => !name.toUpperCase().startsWith('OBLETH'))
  const NODE_OPTIONS = `--require ${JSON.stringify(PEAK_RSS)}`
  return { ...Object.fromEntries(kept), TZ: 'UTC', NODE_OPTIONS, BENCH_RSS_DIR: rssDirectory }
}

/** @param {string} directory @returns {number} bytes; of the largest process where there were several */
export function largestNote(directory) {
  return Math.max(0, ...readdirSync(directory).map((name) => Number(readFileSync(join(directory, name), 'utf8'))))
}
