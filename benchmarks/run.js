#!/usr/bin/env node
/** @import { Inner } from './inner.js' */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { CONTENDERS } from './runner/contenders.js'
import { innerTable } from './runner/inner-table.js'
import { machine } from './runner/machine.js'
import { memoryCheck } from './runner/memory-check.js'
import { writePages } from './runner/pages.js'
import { summarise, table } from './runner/results.js'
import { runRounds } from './runner/rounds.js'
import { cachedTree } from './runner/tree-cache.js'

const INNER = fileURLToPath(new URL('./inner.js', import.meta.url))

const args = yargs(hideBin(process.argv))
  .scriptName('benchmarks/run.js')
  .usage(
    '$0 [options]\n\nMeasures the built command beside other ways to do its job, on the same files in the same run.',
  )
  .options({
    records: { type: 'number', default: 1_100_000, describe: 'records of the tree, copies included' },
    duplicates: { type: 'number', default: 0.1, describe: 'share of copies' },
    pods: { type: 'number', default: 4, describe: 'pods' },
    days: { type: 'number', default: 1, describe: 'days' },
    respelled: { type: 'number', default: 0, describe: 'share of lines that a fast scanner refuses' },
    seed: { type: 'number', default: 1, describe: 'seed of the tree' },
    rounds: { type: 'number', default: 5, describe: 'times that each contender runs' },
    only: { type: 'array', string: true, choices: CONTENDERS.map(({ name }) => name), describe: 'contenders' },
    work: {
      type: 'string',
      default: join(tmpdir(), 'obleth-ledger-bench'),
      describe: 'directory for trees and ledgers',
    },
    results: {
      type: 'boolean',
      describe: 'write results.json and RESULTS.md; so where nothing else is said, if all contenders run',
    },
    into: { type: 'string', default: fileURLToPath(new URL('.', import.meta.url)), describe: 'directory for them' },
    inner: { type: 'boolean', describe: 'measure inner loops, too; so where results are written' },
    'inner-records': { type: 'number', default: 200_000, describe: 'records for these' },
    'inner-time': { type: 'number', default: 3000, describe: 'ms for each of these, at least' },
    json: { type: 'boolean', default: false, describe: 'print one JSON document' },
    'memory-check': {
      type: 'boolean',
      default: false,
      describe: 'measure memory above that of an empty replay instead',
    },
    memory: { type: 'string', default: '256MiB', describe: 'with --memory-check: what the command may use' },
    targets: {
      type: 'array',
      string: true,
      choices: ['http', 'embedded'],
      default: ['http', 'embedded'],
      describe: 'with --memory-check: ledgers',
    },
  })
  .strict()
  .parseSync()

const tell = (/** @type {string} */ line) => process.stderr.write(`${line}\n`)
const work = resolve(args.work)
mkdirSync(work, { recursive: true })
const { duplicates, pods, days, respelled, seed } = args
const shape = { seed, records: args.records, duplicates, pods, days, respelled }

if (args.memoryCheck) {
  const records = process.argv.some((word) => word.startsWith('--records')) ? args.records : 5_000_000
  const tree = cachedTree(work, { ...shape, records })
  const checked = await memoryCheck(tree, {
    memory: args.memory,
    targets: args.targets,
    work: join(work, 'runs'),
    tell,
  })
  process.stdout.write(args.json ? `${JSON.stringify(checked, null, 2)}\n` : `${checked.text}\n`)
} else {
  const chosen = CONTENDERS.filter(({ name }) => args.only === undefined || args.only.includes(name))
  const tree = cachedTree(work, shape)
  const measures = runRounds(chosen, tree, { rounds: args.rounds, work: join(work, 'runs'), tell })
  const results = summarise(chosen, measures, tree)
  const write = args.results ?? args.only === undefined
  const inner = (args.inner ?? write) ? innerLoops() : undefined
  const document = {
    machine: machine(),
    shape: { ...shape, bytes: tree.bytes, unique: tree.unique },
    rounds: args.rounds,
    results,
    ...(inner === undefined ? {} : { inner }),
  }
  const json = `${JSON.stringify(document, null, 2)}\n`
  const tables = [table(results), ...(inner === undefined ? [] : [innerTable(inner)])]
  process.stdout.write(args.json ? json : `${tables.join('\n\n')}\n`)
  if (write) {
    mkdirSync(args.into, { recursive: true })
    writeFileSync(join(args.into, 'results.json'), json)
    writePages(args.into)
  }
}

/** In a process of their own, which has no other garbage. @returns {Inner} */
function innerLoops() {
  tell('inner loops')
  const options = [`--records=${args.innerRecords}`, `--time=${args.innerTime}`, `--seed=${seed}`, `--work=${work}`]
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'inherit'])
  const run = spawnSync(process.execPath, [INNER, ...options, '--json'], { stdio, encoding: 'utf8' })
  if (run.status !== 0) throw new Error('the inner loops failed')
  return JSON.parse(run.stdout)
}
