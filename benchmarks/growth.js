#!/usr/bin/env node
/** @import { GrowthPart } from './runner/growth-cases.js' */
/** @import { GrowthDocument } from './runner/growth-page.js' */
/** @import { GrowthResult } from './runner/growth-run.js' */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
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
    only: { type: 'array', string: true, choices: PARTS, describe: 'parts; the others stay as they were measured' },
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
    results: { type: 'boolean', describe: 'write them; so where nothing else is said, if --most leaves nothing out' },
    json: { type: 'boolean', default: false, describe: 'print one JSON document' },
  })
  .strict()
  .parseSync()

const tell = (/** @type {string} */ line) => process.stderr.write(`${line}\n`)
const work = resolve(args.work)
mkdirSync(work, { recursive: true })
const { rounds, keep, most } = args
const parts = /** @type {readonly GrowthPart[]} */ (args.only ?? PARTS)
const cases = growthCases({ ...args, parts }).filter(({ shape }) => Number(shape.records) <= most)
const circumstances = { machine: machine(), seed: args.seed, rounds }
const document = { ...circumstances, results: runGrowth(cases, { rounds, work, keep, tell }) }
const asJson = (/** @type {GrowthDocument} */ what) => `${JSON.stringify(what, null, 2)}\n`
process.stdout.write(args.json ? asJson(document) : growthTables(document))
if (args.results ?? most === Number.POSITIVE_INFINITY) {
  mkdirSync(args.into, { recursive: true })
  const kept = otherParts(join(args.into, 'growth.json'))
  writeFileSync(join(args.into, 'growth.json'), asJson({ ...document, results: [...kept, ...document.results] }))
  writePages(args.into)
}

/**
 * What an earlier run measured of other parts under the same circumstances: a part can be measured, or repeated, alone.
 * @param {string} file
 * @returns {GrowthResult[]}
 */
function otherParts(file) {
  if (!existsSync(file)) return []
  const { results, ...its } = JSON.parse(readFileSync(file, 'utf8'))
  if (JSON.stringify(its) !== JSON.stringify(circumstances)) return []
  return results.filter((/** @type {GrowthResult} */ { part }) => !parts.includes(part))
}
