/** @import { Tree } from './tree-cache.js' */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptied, replayCommand } from './contenders.js'
import { PASSWORD, USER, withFront } from './front.js'
import { largestNote, measuredEnvironment } from './measure.js'

/**
 * Peak memory of the command's own process, above that of a replay of next to nothing into the same kind of ledger.
 * @param {Tree} tree
 * @param {{ memory: string, targets: string[], work: string, tell: (line: string) => void }} how
 */
export async function memoryCheck(tree, { memory, targets, work, tell }) {
  const empty = join(emptied(work), 'empty')
  const segments = join(empty, 'pod-0', 'telemetry.wal.segments')
  mkdirSync(segments, { recursive: true })
  writeFileSync(join(segments, '01778760000000000000-00000000-0000-4000-8000-000000000000.jsonl'), '\n')
  const results = []
  for (const target of targets) {
    const run = target === 'http' ? overHttp : embedded
    const emptyBytes = await run(empty, memory, join(work, `${target}-empty`))
    tell(`${target}, empty: ${mebibytes(emptyBytes)}`)
    const fullBytes = await run(tree.files, memory, join(work, `${target}-full`))
    tell(`${target}, ${tree.records} records: ${mebibytes(fullBytes)}`)
    results.push({ target, emptyBytes, fullBytes, aboveEmptyBytes: fullBytes - emptyBytes })
  }
  emptied(work)
  const lines = results.map(
    ({ target, emptyBytes, fullBytes, aboveEmptyBytes }) =>
      `${target.padEnd(8)}  peak ${mebibytes(fullBytes)}, empty replay ${mebibytes(emptyBytes)}, above it ${mebibytes(aboveEmptyBytes)}`,
  )
  return { records: tree.records, bytes: tree.bytes, memory, results, text: lines.join('\n') }
}

/** @param {string} source @param {string} memory @param {string} directory @returns {Promise<number>} bytes at the peak */
async function embedded(source, memory, directory) {
  return replayPeak(source, ['--embedded', join(emptied(directory), 'ledger')], memory, directory, {})
}

/** @param {string} source @param {string} memory @param {string} directory @returns {Promise<number>} bytes at the peak */
function overHttp(source, memory, directory) {
  return withFront(emptied(directory), (url) => {
    const target = ['--clickhouse-url', url, '--clickhouse-user', USER, '--create-schema']
    return replayPeak(source, target, memory, directory, { OBLETH_LEDGER_CLICKHOUSE_PASSWORD: PASSWORD })
  })
}

/**
 * @param {string} source @param {string[]} target @param {string} memory @param {string} directory
 * @param {Record<string, string>} environment
 * @returns {number} bytes at the peak
 */
function replayPeak(source, target, memory, directory, environment) {
  const notes = mkdtempSync(join(directory, 'rss-'))
  const run = spawnSync(process.execPath, [...replayCommand(source, target, directory), '--memory', memory], {
    cwd: directory,
    env: { ...measuredEnvironment(notes), ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (run.status !== 0) throw new Error(`the replay ended with ${run.status ?? run.signal}`)
  return largestNote(notes)
}

/** @param {number} bytes @returns {string} */
function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`
}
