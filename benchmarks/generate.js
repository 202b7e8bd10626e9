#!/usr/bin/env node
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { DEFAULTS, GENERATIONS, writeTree } from '../dist/generator.js'

/** @import { TreeOptions } from '../src/bench/generator/index.js' */

const HELP = {
  seed: 'the same seed and options give the same bytes',
  pods: 'number of pods',
  records: 'records over all pods, copies included; damaged lines come on top',
  duplicates: 'share of copies',
  disorderMs: 'by how much a record may stand too late or too early, ms',
  startMs: 'first record, unix ms',
  days: 'days from first to last record',
  damage: 'share of damaged lines; also makes torn tails',
  respelled: 'share of lines with other field order and spaces',
  tenants: 'number of tenants',
  keysPerTenant: 'API keys of each',
  models: 'number of models',
  modelBytes: "least length of a model's name",
  sessionBytes: 'least length of a session id',
  unicodeShare: 'share of records with text beyond ASCII and escapes',
  rejectedShare: 'share of rejected requests',
  failedShare: 'share of requests that failed upstream',
  benchmarkShare: 'share of benchmark requests',
  healthProbeShare: 'share of health probes',
  legacyPods: 'pods with a legacy file',
  legacyShare: 'share of their records in it',
  withoutBlanks: 'share of segments without blank lines',
  checkpoints: 'share of files with a checkpoint',
  corruptFiles: '.corrupt files per pod',
  segmentBytes: 'size at which a segment is closed',
  batchRecords: 'most records of a batch',
}

const texts = /** @type {const} */ ({
  generations: { describe: 'parts of time of each gateway release, as oldest=1,newest=3', type: 'string' },
  expected: { describe: 'file for the expected result (JSON)', type: 'string' },
})
const flags = Object.fromEntries(
  Object.entries(HELP).map(([name, describe]) => [
    kebab(name),
    {
      describe,
      type: /** @type {'string' | 'number'} */ (name === 'seed' ? 'string' : 'number'),
      default: DEFAULTS[name],
    },
  ]),
)
const args = yargs(hideBin(process.argv))
  .scriptName('generate.js')
  .usage('$0 <directory> [options]\n\nWrites a tree of WAL files as the pods of a gateway leave them.')
  .options(flags)
  .options(texts)
  .demandCommand(1, 1)
  .strict()
  .parseSync()

/** @type {TreeOptions} */
const options = { ...DEFAULTS }
for (const name of Object.keys(HELP)) options[name] = args[name]
if (args.generations !== undefined) options.generations = parseGenerations(args.generations)

const root = resolve(String(args._[0]))
mkdirSync(root, { recursive: true })
const tally = writeTree(root, options)
if (args.expected !== undefined) writeFileSync(args.expected, `${JSON.stringify({ options, ...tally.toJSON() })}\n`)
const { decoded, unique } = tally.records
process.stderr.write(`${tally.files} files, ${tally.bytes} bytes, ${decoded} records, ${unique} of them unique\n`)

/** @param {string} text @returns {TreeOptions['generations']} */
function parseGenerations(text) {
  const parts = { oldest: 0, middle: 0, current: 0, newest: 0 }
  for (const part of text.split(',')) {
    const [name, share] = part.split('=')
    const known = GENERATIONS.find((generation) => generation === name)
    if (known === undefined) throw new Error(`unknown generation ${name}; there are ${GENERATIONS.join(', ')}`)
    parts[known] = Number(share ?? 1)
  }
  return parts
}

/** @param {string} name @returns {string} */
function kebab(name) {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
