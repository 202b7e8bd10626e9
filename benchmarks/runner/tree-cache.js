/** @import { TreeOptions } from '../../src/bench/generator/index.js' */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const GENERATE = fileURLToPath(new URL('../generate.js', import.meta.url))

/**
 * A generated tree and what is known about it.
 * @typedef {object} Tree
 * @property {string} root directory of all that belongs to it
 * @property {string} files directory of the pods
 * @property {string} expected file with what a ledger of it holds
 * @property {number} fileCount
 * @property {number} bytes
 * @property {number} records
 * @property {number} unique
 */

/**
 * Makes a tree, or takes the one that an earlier run left in the same directory.
 * @param {string} directory
 * @param {Partial<TreeOptions>} options numbers only
 * @returns {Tree}
 */
export function cachedTree(directory, options) {
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  const version = ['../generate.js', '../../dist/generator.js'].map((name) =>
    readFileSync(new URL(name, import.meta.url)),
  )
  const name = createHash('sha256').update(flags.join()).update(Buffer.concat(version)).digest('hex').slice(0, 16)
  const root = join(directory, `tree-${name}`)
  if (!existsSync(root)) {
    const part = `${root}.part`
    rmSync(part, { recursive: true, force: true })
    mkdirSync(part, { recursive: true })
    // A larger young generation halves the time: the lines live too long for the default one.
    const node = ['--max-semi-space-size=32', GENERATE, join(part, 'pods'), '--expected', join(part, 'expected.json')]
    const run = spawnSync(process.execPath, [...node, ...flags], { stdio: ['ignore', 'inherit', 'inherit'] })
    if (run.status !== 0) throw new Error('the tree could not be generated')
    renameSync(part, root)
  }
  const expected = join(root, 'expected.json')
  const { bytes, files, records } = JSON.parse(readFileSync(expected, 'utf8'))
  return {
    root,
    files: join(root, 'pods'),
    expected,
    fileCount: files,
    bytes,
    records: records.decoded,
    unique: records.unique,
  }
}
