/** @import { Tree } from './tree-cache.js' */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { treeFiles } from '../contenders/tree-files.js'

/**
 * One way to do the job, or a part of it.
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} title
 * @property {(tree: Tree, work: string) => string[]} command script and arguments; `work` is an empty directory
 * @property {(tree: Tree, work: string) => Outcome} outcome what it did, looked up when it has ended
 * @property {Tree} [tree] its own, where it does not run on that of all
 */

/**
 * @typedef {object} Outcome
 * @property {number} rows
 * @property {string | undefined} fingerprint of the ledger it left, for those that must leave the same
 * @property {number} expectedRows
 */

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url))
const ledgerOf = (/** @type {string} */ work) => join(work, 'ledger')

/** @type {readonly Contender[]} */
export const CONTENDERS = [
  replay(),
  {
    name: 'sql',
    title: 'ClickHouse SQL: dedup, order, view',
    command: (tree, work) => [at('../contenders/sql-way.js'), tree.files, ledgerOf(work)],
    outcome: ledgerOutcome,
  },
  {
    name: 'typescript',
    title: 'TypeScript: stream-json, Set, insert()',
    command: (tree, work) => [at('../contenders/typescript.js'), tree.files, ledgerOf(work)],
    outcome: ledgerOutcome,
  },
  {
    name: 'typescript-json-parse',
    title: 'TypeScript: JSON.parse, Set, insert()',
    command: (tree, work) => [at('../contenders/typescript.js'), tree.files, ledgerOf(work), '--json-parse'],
    outcome: ledgerOutcome,
  },
  {
    name: 'sql-plain',
    title: 'ClickHouse SQL: view only, copies stay',
    command: (tree, work) => [at('../contenders/sql-way.js'), tree.files, ledgerOf(work), '--plain'],
    outcome: (tree, work) => ({ ...fingerprintOf(work, 'usage'), expectedRows: tree.records, fingerprint: undefined }),
  },
  {
    name: 'floor',
    title: 'floor: ready Native blocks, no view',
    command: (tree, work) => [at('../contenders/native-floor.js'), nativeBlocks(tree, work), ledgerOf(work)],
    outcome: (tree, work) => ({
      ...fingerprintOf(work, 'usage_floor'),
      expectedRows: tree.unique,
      fingerprint: undefined,
    }),
  },
  {
    name: 'json-parse',
    title: 'JSON.parse per line, no ledger',
    command: (tree, work) => [at('../contenders/json-parse.js'), tree.files, join(work, 'result.json')],
    outcome: parserOutcome,
  },
  {
    name: 'stream-json',
    title: 'stream-json JSONL parser, no ledger',
    command: (tree, work) => [at('../contenders/stream-json.js'), tree.files, join(work, 'result.json')],
    outcome: parserOutcome,
  },
]

/**
 * The built command into an embedded ledger.
 * @param {readonly string[]} [options] further ones
 * @returns {Contender}
 */
export function replay(options = []) {
  return {
    name: 'replay',
    title: 'obleth-ledger replay',
    command: (tree, work) => [...replayCommand(tree.files, ['--embedded', ledgerOf(work)], work), ...options],
    outcome: ledgerOutcome,
  }
}

/**
 * The built command on a tree.
 * @param {string} source @param {readonly string[]} target options that name the ledger @param {string} work directory for its state
 * @returns {string[]}
 */
export function replayCommand(source, target, work) {
  return [
    at('../../bin/obleth-ledger.js'),
    'replay',
    source,
    ...target,
    '--state-dir',
    join(work, 'state'),
    '--yes',
    '--quiet',
    '--json',
  ]
}

/** @param {string} directory @returns {string} the same directory, empty */
export function emptied(directory) {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  return directory
}

/** Reads every file once, so that nobody pays for the disk. @param {Tree} tree */
export function warmUp(tree) {
  for (const file of treeFiles(tree.files)) readFileSync(file)
}

/** @param {Tree} tree @param {string} work @returns {Outcome} */
function ledgerOutcome(tree, work) {
  return { ...fingerprintOf(work, 'usage', [tree.expected]), expectedRows: tree.unique }
}

/**
 * @param {string} work @param {string} table @param {string[]} [expected] file with what the ledger must hold
 * @returns {{ rows: number, fingerprint: string }}
 */
function fingerprintOf(work, table, expected = []) {
  const fingerprint = runScript('./fingerprint.js', [ledgerOf(work), table, ...expected])
  return { rows: Number(JSON.parse(fingerprint).usage.rows), fingerprint }
}

/** The rows of the tree as Native blocks, made once by the SQL way. @param {Tree} tree @param {string} work @returns {string} path */
function nativeBlocks(tree, work) {
  const blocks = join(tree.root, 'rows.native')
  if (!existsSync(blocks)) {
    const ledger = join(work, 'source')
    runScript('../contenders/sql-way.js', [tree.files, ledger])
    runScript('../contenders/write-native-blocks.js', [ledger, blocks])
    rmSync(ledger, { recursive: true })
  }
  readFileSync(blocks)
  return blocks
}

/** @param {string} path @param {string[]} args @returns {string} its output */
function runScript(path, args) {
  const run = spawnSync(process.execPath, [at(path), ...args], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`${path} ${args.join(' ')} failed:\n${run.stderr}`)
  return run.stdout
}

/** @param {Tree} tree @param {string} work @returns {Outcome} */
function parserOutcome(tree, work) {
  const { records } = JSON.parse(readFileSync(join(work, 'result.json'), 'utf8'))
  return { rows: records, expectedRows: tree.records, fingerprint: undefined }
}
