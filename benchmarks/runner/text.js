/** How numbers and tables are written on the pages. */

/** @param {number} value @returns {string} 1,234,567 */
export function whole(value) {
  return Math.round(value).toLocaleString('en')
}

/** @param {number} bytes @returns {string} */
export function mebibytes(bytes) {
  return (bytes / 2 ** 20).toFixed(0)
}

/** A Markdown table, its first column to the left. @param {string[]} head @param {string[][]} rows @returns {string} */
export function aligned(head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)))
  const pad = (/** @type {string} */ cell, /** @type {number} */ i) =>
    i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])
  const rule = widths.map((width, i) => (i === 0 ? `:${'-'.repeat(width - 1)}` : `${'-'.repeat(width - 1)}:`))
  return [head.map(pad), rule, ...rows.map((row) => row.map(pad))].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/**
 * Text bars of times, the longest fifty letters.
 * @param {{ title: string, wallSeconds: number }[]} results
 * @returns {string}
 */
export function bars(results) {
  const longest = Math.max(...results.map(({ wallSeconds }) => wallSeconds))
  const width = Math.max(...results.map(({ title }) => title.length))
  return results
    .map(({ title, wallSeconds }) => {
      const bar = '█'.repeat(Math.max(1, Math.round((wallSeconds / longest) * 50)))
      return `${title.padEnd(width)}  ${bar} ${wallSeconds.toFixed(2)} s`
    })
    .join('\n')
}

/** @param {Record<string, string>} machine @returns {string} */
export function machineLine(machine) {
  return `Machine: ${Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(' · ')}`
}
