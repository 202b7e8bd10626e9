/** @import { Contender } from './contenders.js' */
/** @import { Measure } from './measure.js' */
/** @import { Tree } from './tree-cache.js' */
import { aligned, mebibytes, whole } from './text.js'

/**
 * Medians over all rounds.
 * @typedef {object} Result
 * @property {string} name
 * @property {string} title
 * @property {number} wallSeconds
 * @property {number} fastestSeconds
 * @property {number} slowestSeconds
 * @property {number} cpuSeconds
 * @property {number} peakRssBytes
 * @property {number} recordsPerSecond records read
 * @property {number} bytesPerSecond
 */

/**
 * @param {readonly Contender[]} contenders
 * @param {Map<string, Measure[]>} measures
 * @param {Tree} tree
 * @returns {Result[]}
 */
export function summarise(contenders, measures, tree) {
  return contenders.map(({ name, title, tree: its = tree }) => {
    const runs = measures.get(name) ?? []
    const walls = runs.map(({ wall }) => wall)
    const wallSeconds = median(walls)
    return {
      name,
      title,
      wallSeconds,
      fastestSeconds: Math.min(...walls),
      slowestSeconds: Math.max(...walls),
      cpuSeconds: median(runs.map(({ cpu }) => cpu)),
      peakRssBytes: median(runs.map(({ rss }) => rss)),
      recordsPerSecond: its.records / wallSeconds,
      bytesPerSecond: its.bytes / wallSeconds,
    }
  })
}

/** @param {number[]} numbers at least one @returns {number} */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * A Markdown table, the SQL way being 1 in the ratio columns (how many times less time, CPU time and memory).
 * @param {readonly Result[]} results
 * @returns {string}
 */
export function table(results) {
  const sql = results.find(({ name }) => name === 'sql')
  const ratio = (/** @type {'wallSeconds' | 'cpuSeconds' | 'peakRssBytes'} */ field, /** @type {Result} */ result) =>
    sql === undefined ? '' : (sql[field] / result[field]).toFixed(2)
  const rows = results.map((result) => [
    result.title,
    result.wallSeconds.toFixed(2),
    `${result.fastestSeconds.toFixed(2)}–${result.slowestSeconds.toFixed(2)}`,
    ratio('wallSeconds', result),
    result.cpuSeconds.toFixed(2),
    ratio('cpuSeconds', result),
    mebibytes(result.peakRssBytes),
    ratio('peakRssBytes', result),
    whole(result.recordsPerSecond),
    (result.bytesPerSecond / 1e6).toFixed(0),
  ])
  const head = ['', 'wall s', 'from–to', '×', 'CPU s', '×', 'peak MiB', '×', 'records/s', 'MB/s']
  return aligned(head, rows)
}
