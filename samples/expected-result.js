/** @import { UsageRecord } from '../src/bench/generator/index.js' */
import { Tally } from '../dist/generator.js'

/**
 * What a replay of the pods into the earlier ledger must report and leave behind.
 * @param {Tally} wal what the pods' files hold
 * @param {UsageRecord[]} earlier rows of the ledger before, with their rollup in step
 * @param {UsageRecord[]} recovered records of the pods, each once
 */
export function expectedResult(wal, earlier, recovered) {
  const known = new Set(earlier.map((record) => record.request_id))
  const fresh = recovered.filter((record) => !known.has(record.request_id))
  const [before, after] = [tallyOf(earlier), tallyOf([...earlier, ...fresh])]
  const rowsBefore = new Map(before.dayTenants().map(({ day, tenantId, rows }) => [`${day} ${tenantId}`, rows]))
  return {
    // Some bytes hold no record, and the report says so: not a failure, and not a plain success either.
    exitCode: 3,
    status: 'incomplete',
    rollupStatus: 'consistent',
    sources: { pods: wal.pods.size, files: wal.files, bytes: wal.bytes },
    lines: wal.lines,
    records: {
      decoded: wal.records.decoded,
      inserted: fresh.length,
      duplicates: wal.records.duplicates,
      conflicts: 0,
      alreadyInLedger: recovered.length - fresh.length,
      filteredOut: 0,
      repaired: wal.records.repaired,
      salvaged: wal.records.salvaged,
    },
    unknownFields: wal.unknownFields(),
    earlierRows: earlier.length,
    total: after.total(),
    dayTenants: after.dayTenants().map(({ day, tenantId, rows }) => {
      const held = rowsBefore.get(`${day} ${tenantId}`) ?? 0
      return { day, tenantId, before: held, inserted: rows - held, after: rows }
    }),
    rollup: after.rollup(),
    rejected: wal.rejected,
  }
}

/** @param {UsageRecord[]} records @returns {Tally} */
function tallyOf(records) {
  const tally = new Tally()
  for (const record of records) tally.row(record)
  return tally
}

/**
 * JSON that a person can read: a line for each entry, a line for each row of a list.
 * @param {Record<string, unknown>} value
 * @returns {string}
 */
export function rowsPerLine(value) {
  const entries = Object.entries(value).map(([name, entry]) => {
    const rows = Array.isArray(entry)
      ? `[\n${entry.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`
      : undefined
    return `  ${JSON.stringify(name)}: ${rows ?? JSON.stringify(entry)}`
  })
  return `{\n${entries.join(',\n')}\n}\n`
}
