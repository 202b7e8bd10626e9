/** @import { Result } from './results.js' */
import { chart, table } from './results.js'

/**
 * benchmarks/RESULTS.md.
 * @param {{ machine: Record<string, string>, shape: Record<string, number>, rounds: number, results: Result[] }} document
 * @returns {string}
 */
export function resultsPage({ machine, shape, rounds, results }) {
  const { records, unique, bytes, pods, days, seed } = shape
  const number = (/** @type {number} */ value) => value.toLocaleString('en')
  return `# Benchmark results

Written by \`npm run bench\`. ${number(records)} records (${number(unique)} of them unique) of ${pods} pods over ${days} day${days === 1 ? '' : 's'},
${number(Math.round(bytes / 1e6))} MB of JSONL in the page cache, seed ${seed}. Whole commands, process start included, each in a process of its own,
interleaved, medians of ${rounds} rounds. × says how many times less than the SQL way. A time counts only where the
ledger left behind has the right rows, and bit for bit the same as every other contender that makes one.

${table(results)}

\`\`\`
${chart(results)}
\`\`\`

The SQL way is \`INSERT INTO usage SELECT … FROM file('…', JSONEachRow) ORDER BY ts_ms LIMIT 1 BY request_id\` in the same
embedded ClickHouse, into the same schema with its view. It reads doubles exactly (\`precise_float_parsing = 1\`); with the
default it leaves a ledger whose costs differ in their last bit.

Machine: ${Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(' · ')}
`
}
