#!/usr/bin/env node
/** @import { GrowthPart } from './runner/growth-cases.js' */
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { growthCases, PARTS } from './runner/growth-cases.js'
import { growthTables } from './runner/growth-page.js'
import { runGrowth } from './runner/growth-run.js'
import { machine } from './runner/machine.js'
import { writePages } from './runner/pages.js'

const SIZES = [100_000, 300_000, 1_000_000, 2_200_000, 5_000_000, 10_000_000, 20_000_000]

const args = yargs(hideBin(process.argv))
  .scriptName('benchmarks/growth.js')
  .usage(
    '$0 [options]\n\nHow time and memory of a replay grow with the records, with the number of files, with less memory, and with lines that the fast scanner refuses.',
  )
  .options({
    sizes: { type: 'array', number: true, default: SIZES, describe: 'records of each tree' },
    most: { type: 'number', default: Number.POSITIVE_INFINITY, describe: 'leave out trees with more records' },
    memory: { type: 'string', default: '1GiB', describe: 'what the command may use' },
    'scarce-memory': { type: 'string', default: '256MiB', describe: 'what it may use where ids do not fit' },
    'scarce-records': { type: 'number', default: 10_000_000, describe: 'records then' },
    pods: { type: 'number', default: 100, describe: 'pods of the tree of many files' },
    segments: { type: 'number', default: 1000, describe: 'about so many segments of each' },
    'per-segment': { type: 'number', default: 22, describe: 'about so many records of each' },
    respelled: { type: 'number', default: 0.05, describe: 'share of lines that the fast scanner refuses' },
    'respelled-records': { type: 'number', default: 2_200_000, describe: 'records then' },
    seed: { type: 'number', default: 1, describe: 'seed of the trees' },
    rounds: { type: 'number', default: 3, describe: 'times that each runs' },
    only: { type: 'array', string: true, choices: PARTS, describe: 'parts' },
    keep: { type: 'boolean', default: false, describe: 'keep big trees, too' },
    work: {
      type: 'string',
      default: join(tmpdir(), 'obleth-ledger-bench'),
      describe: 'directory for trees and ledgers: 20 GB for the largest tree',
    },
    into: {
      type: 'string',
      default: fileURLToPath(new URL('.', import.meta.url)),
      describe: 'directory for growth.json, GROWTH.md and growth.svg',
    },
    results: { type: 'boolean', describe: 'write them; so where nothing else is said, if no part is left out' },
    json: { type: 'boolean', default: false, describe: 'print one JSON document' },
  })
  .strict()
  .parseSync()

const tell = (/** @type {string} */ line) => process.stderr.write(`${line}\n`)
const work = resolve(args.work)
mkdirSync(work, { recursive: true })
const { rounds, keep, most } = args
const cases = growthCases({
  ...args,
  parts: /** @type {readonly GrowthPart[]} */ (args.only ?? PARTS),
}).filter(({ shape }) => Number(shape.records) <= most)
const document = {
  machine: machine(),
  seed: args.seed,
  rounds,
  results: runGrowth(cases, { rounds, work, keep, tell }),
}
const json = `${JSON.stringify(document, null, 2)}\n`
process.stdout.write(args.json ? json : growthTables(document))
if (args.results ?? (args.only === undefined && most === Number.POSITIVE_INFINITY)) {
  mkdirSync(args.into, { recursive: true })
  writeFileSync(join(args.into, 'growth.json'), json)
  writePages(args.into)
}
