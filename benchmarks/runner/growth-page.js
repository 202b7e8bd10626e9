/** @import { GrowthPart } from './growth-cases.js' */
/** @import { GrowthResult } from './growth-run.js' */
import { aligned, bars, machineLine, mebibytes, whole } from './text.js'

/**
 * What growth.json holds.
 * @typedef {{ machine: Record<string, string>, seed: number, rounds: number, results: GrowthResult[] }} GrowthDocument
 */

const HEAD = ['records', 'files', 'GB', 'wall s', 'from–to', 'CPU s', 'peak MiB', 'records/s', 'MB/s']

/** benchmarks/GROWTH.md. @param {GrowthDocument} document @returns {string} */
export function growthPage(document) {
  const { machine, rounds, seed } = document
  return `# Growth

Written by \`node benchmarks/growth.js\`: \`obleth-ledger replay\` into a new embedded ledger, whole commands, process start
included, medians of ${rounds} round${rounds === 1 ? '' : 's'}, trees of seed ${seed} with a tenth of copies, read once before so that they are in the page
cache where they fit into it. Peak memory is that of the process, engine included. A time counts only where the ledger
has each id once, and the sums, days, tenants and rollup that the generator of its tree added up.

${growthTables(document)}
${machineLine(machine)}
`
}

/** The sections for the parts that were measured. @param {GrowthDocument} document @returns {string} */
export function growthTables({ results }) {
  const of = (/** @type {GrowthPart} */ part) => results.filter((result) => result.part === part)
  return [
    section('Records', of('sizes'), sizes),
    section('Many small files', of('files'), (rows) => files(rows[0], of('sizes'))),
    section('Where the ids do not fit into memory', of('scarce'), scarce),
    section('Lines that the fast scanner refuses', of('respelled'), respelled),
  ].join('')
}

/** Bars of time over the number of records. @param {GrowthDocument} document @returns {string} */
export function growthBars({ results }) {
  return bars(
    results
      .filter(({ part }) => part === 'sizes')
      .map(({ records, wallSeconds }) => ({ title: `${whole(records)} records`, wallSeconds })),
  )
}

/** The chart stands beside it. @param {GrowthResult[]} rows @returns {string} */
function sizes(rows) {
  return `\`--memory ${rows[0].memory}\`.

${table(rows)}

![Records per second and peak memory over the number of records](growth.svg)`
}

/** @param {GrowthResult} many @param {GrowthResult[]} usual @returns {string} */
function files(many, usual) {
  const same = usual.find(({ records }) => records === many.records)
  const besides =
    same === undefined
      ? ''
      : `\n\nAs many records in ${whole(same.files)} files take ${ratio(same.wallSeconds, many.wallSeconds)} of the time.`
  return `${table([many])}${besides}`
}

/** @param {GrowthResult[]} rows @returns {string} */
function scarce(rows) {
  const [replay, sql] = ['replay', 'sql'].map((wanted) => rows.find(({ name }) => name === wanted))
  if (replay === undefined || sql === undefined) return ''
  return `The command with \`--memory ${replay.memory}\`, so that records go by way of the disk, beside ClickHouse's own SQL, which takes
what it wants. Both leave the same ledger, bit for bit. SQL takes ${ratio(sql.wallSeconds, replay.wallSeconds)} × as long, ${ratio(sql.cpuSeconds, replay.cpuSeconds)} × the CPU time and
${ratio(sql.peakRssBytes, replay.peakRssBytes)} × the memory.

${titled(rows)}`
}

/** @param {GrowthResult[]} rows @returns {string} */
function respelled(rows) {
  const [plain, other] = rows
  return `The same traffic with other field order and spaces in some lines, which the careful decoder has to take: ${ratio(other.recordsPerSecond, plain.recordsPerSecond)} of the
throughput.

${titled(rows)}`
}

/** @param {string} title @param {GrowthResult[]} rows @param {(rows: GrowthResult[]) => string} body @returns {string} */
function section(title, rows, body) {
  return rows.length === 0 ? '' : `## ${title}\n\n${body(rows)}\n\n`
}

/** @param {GrowthResult[]} rows @returns {string} */
function table(rows) {
  return aligned(HEAD, rows.map(cells))
}

/** @param {GrowthResult[]} rows @returns {string} */
function titled(rows) {
  return aligned(
    ['', ...HEAD],
    rows.map((row) => [row.title, ...cells(row)]),
  )
}

/** @param {GrowthResult} result @returns {string[]} */
function cells({ records, files, bytes, ...result }) {
  return [
    whole(records),
    whole(files),
    (bytes / 1e9).toFixed(2),
    result.wallSeconds.toFixed(2),
    `${result.fastestSeconds.toFixed(2)}–${result.slowestSeconds.toFixed(2)}`,
    result.cpuSeconds.toFixed(2),
    mebibytes(result.peakRssBytes),
    whole(result.recordsPerSecond),
    (result.bytesPerSecond / 1e6).toFixed(0),
  ]
}

/** @param {number} a @param {number} b @returns {string} */
function ratio(a, b) {
  return (a / b).toFixed(2)
}
