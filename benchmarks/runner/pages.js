import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { growthChart } from './growth-chart.js'
import { growthPage } from './growth-page.js'
import { resultsPage } from './page.js'

/**
 * Writes the pages anew from results.json and growth.json, as far as they are there.
 * @param {string} directory
 */
export function writePages(directory) {
  const results = documentOf(join(directory, 'results.json'))
  const growth = documentOf(join(directory, 'growth.json'))
  if (growth !== undefined) {
    const sizes = growth.results.filter((/** @type {{ part: string }} */ { part }) => part === 'sizes')
    if (sizes.length > 0) writeFileSync(join(directory, 'growth.svg'), `${growthChart(sizes)}\n`)
    writeFileSync(join(directory, 'GROWTH.md'), growthPage(growth))
  }
  if (results !== undefined) writeFileSync(join(directory, 'RESULTS.md'), resultsPage(results, growth))
}

/** @param {string} file @returns {any} */
function documentOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
