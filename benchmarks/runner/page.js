/** @import { GrowthDocument } from './growth-page.js' */
/** @import { Inner } from '../inner.js' */
/** @import { Result } from './results.js' */
import { growthBars } from './growth-page.js'
import { innerTable } from './inner-table.js'
import { table } from './results.js'
import { bars, machineLine, whole } from './text.js'

/**
 * What results.json holds.
 * @typedef {object} ResultsDocument
 * @property {Record<string, string>} machine
 * @property {Record<string, number>} shape of the tree, and what it holds
 * @property {number} rounds
 * @property {Result[]} results
 * @property {Inner} [inner]
 */

/**
 * benchmarks/RESULTS.md.
 * @param {ResultsDocument} document
 * @param {GrowthDocument} [growth]
 * @returns {string}
 */
export function resultsPage({ machine, shape, rounds, results, inner }, growth) {
  const { records, unique, bytes, pods, days, seed } = shape
  return `# Benchmark results

Written by \`npm run bench\`. ${whole(records)} records (${whole(unique)} of them unique) of ${pods} pods over ${days} day${days === 1 ? '' : 's'},
${whole(bytes / 1e6)} MB of JSONL in the page cache, seed ${seed}. Whole commands, process start included, each in a process of its own,
interleaved, medians of ${rounds} rounds. × says how many times less than the SQL way. A time counts only where the
ledger left behind has each id once, and the sums, days, tenants and rollup that the generator added up, and bit for bit the
same rows as every other contender that makes one.

${table(results)}

\`\`\`
${bars(results)}
\`\`\`

The SQL way is \`INSERT INTO usage SELECT … FROM file('…', JSONEachRow) ORDER BY ts_ms LIMIT 1 BY request_id\` in the same
embedded ClickHouse, into the same schema with its view. It reads doubles exactly (\`precise_float_parsing = 1\`); with the
default it leaves a ledger whose costs differ in their last bit. The TypeScript way is what one would write by hand: a parser,
a \`Set\` of ids, batches in order of time, and \`insert()\` of \`@clickhouse/client\` into the same ledger; it checks nothing.

${inner === undefined ? '' : `${innerSection(inner)}\n`}${growth === undefined ? '' : `${growthSection(growth)}\n`}${machineLine(machine)}
`
}

/** @param {Inner} inner @returns {string} */
function innerSection(inner) {
  return `## Inner loops

By tinybench, in one thread, on ${whole(inner.records)} records of WAL text in memory (${whole(inner.bytes / 1e6)} MB); nothing is read
and no ledger written. The last two do what the line above them does, and more.

${innerTable(inner)}
`
}

/** @param {GrowthDocument} growth @returns {string} */
function growthSection(growth) {
  return `## Growth

\`\`\`
${growthBars(growth)}
\`\`\`

Memory, many small files, little memory, respelled lines: [GROWTH.md](GROWTH.md).
`
}
