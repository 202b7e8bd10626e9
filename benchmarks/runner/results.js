/** @import { Contender } from './contenders.js' */
/** @import { Measure } from './measure.js' */
/** @import { Tree } from './tree-cache.js' */

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
  return contenders.map(({ name, title }) => {
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
      recordsPerSecond: tree.records / wallSeconds,
      bytesPerSecond: tree.bytes / wallSeconds,
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
    (result.peakRssBytes / 2 ** 20).toFixed(0),
    ratio('peakRssBytes', result),
    Math.round(result.recordsPerSecond).toLocaleString('en'),
    (result.bytesPerSecond / 1e6).toFixed(0),
  ])
  const head = ['', 'wall s', 'from–to', '×', 'CPU s', '×', 'peak MiB', '×', 'records/s', 'MB/s']
  return aligned(head, rows)
}

/** Bars of wall time. @param {readonly Result[]} results @returns {string} */
export function chart(results) {
  const longest = Math.max(...results.map(({ wallSeconds }) => wallSeconds))
  const width = Math.max(...results.map(({ title }) => title.length))
  return results
    .map(({ title, wallSeconds }) => {
      const bar = '█'.repeat(Math.max(1, Math.round((wallSeconds / longest) * 50)))
      return `${title.padEnd(width)}  ${bar} ${wallSeconds.toFixed(2)} s`
    })
    .join('\n')
}

/** A Markdown table, its first column to the left. @param {string[]} head @param {string[][]} rows @returns {string} */
export function aligned(head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)))
  const pad = (/** @type {string} */ cell, /** @type {number} */ i) =>
    i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])
  const rule = widths.map((width, i) => (i === 0 ? `:${'-'.repeat(width - 1)}` : `${'-'.repeat(width - 1)}:`))
  return [head.map(pad), rule, ...rows.map((row) => row.map(pad))].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
