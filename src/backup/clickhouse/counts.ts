import { z } from 'zod'
import { LedgerError } from '../../domain/errors.js'
import { literal } from '../../ledger/identifiers.js'
import type { Ledger } from '../../ledger/ledger.js'

const digits = z.string().regex(/^-?\d+$/)

const counts = z.object({
  format: z.literal(1),
  tables: z.array(
    z.object({
      name: z.string().regex(/^[A-Za-z0-9_]{1,64}$/),
      partitions: z.array(z.object({ id: z.string(), rows: z.number(), hash: digits, sums: z.array(digits) })),
    }),
  ),
  view: z.boolean(),
  drifting: z.number().nullable(),
})

/**
 * What a backup holds, worked out by SQL over the very parts that went into it. Per table and partition (of `usage` a day of
 * the server): rows, the sum of `cityHash64` over all columns, modulo 2^64, and integer sums of raw rows and rollup.
 */
export type LedgerCounts = Omit<z.infer<typeof counts>, 'format'>

export type TableCounts = LedgerCounts['tables'][number]

/** Where the counts lie in a backup. */
export const COUNTS_FILE = 'counts.json'

/** Columns that every version has, summed for the eye, and since a merge of the rollup changes its rows and not its sums. */
const SUMMED: Readonly<Record<string, readonly string[]>> = {
  usage: ['input_tokens', 'output_tokens', 'estimated_tokens', 'ttft_ms', 'total_ms'],
  usage_daily: ['requests', 'success_requests', 'error_requests', 'input_tokens', 'output_tokens'],
}

/** Counts tables that nobody writes to or merges meanwhile; memory grows with the number of partitions alone. */
export async function countTables(ledger: Ledger, names: readonly string[]): Promise<TableCounts[]> {
  const tables: TableCounts[] = []
  for (const name of names) tables.push({ name, partitions: await countPartitions(ledger, name) })
  return tables
}

async function countPartitions(ledger: Ledger, name: string): Promise<TableCounts['partitions']> {
  const sums = (SUMMED[name] ?? []).map((column) => `toString(sum(toInt64(${column})))`)
  const rows = await ledger.rows<{ id: string; rows: string; hash: string; sums: string[] }>(
    `SELECT _partition_id AS id, toString(count()) AS rows, toString(sum(cityHash64(*))) AS hash,
       [${sums.join(', ')}]::Array(String) AS sums
     FROM ${ledger.table(name)} GROUP BY id ORDER BY id
     ${ledger.settings({ asterisk_include_materialized_columns: 1 })}`,
  )
  return rows.map((row) => ({ ...row, rows: Number(row.rows) }))
}

/** The newest `ts_ms` in `usage`, unix ms; null where it is empty. */
export async function newestMs(ledger: Ledger): Promise<number | null> {
  const [{ rows, newest }] = await ledger.rows<{ rows: string; newest: string }>(
    `SELECT toString(count()) AS rows, toString(max(ts_ms)) AS newest FROM ${ledger.table('usage')}`,
  )
  return rows === '0' ? null : Number(newest)
}

/** Which of the named tables a database has. */
export async function tablesThere(ledger: Ledger, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return []
  const rows = await ledger.rows<{ name: string }>(
    `SELECT name FROM system.tables
     WHERE database = ${literal(ledger.database)} AND name IN (${names.map(literal).join(', ')})`,
  )
  return rows.map(({ name }) => name)
}

/** What differs between what a backup holds and what was found, a sentence each. */
export function differences(expected: readonly TableCounts[], found: readonly TableCounts[]): string[] {
  return expected.flatMap(({ name, partitions }) => {
    const there = found.find((table) => table.name === name)
    if (there === undefined) return [`table ${name} is missing`]
    const left = new Map(there.partitions.map((partition) => [partition.id, partition]))
    const said = partitions.flatMap((partition) => {
      const other = left.get(partition.id)
      left.delete(partition.id)
      const what = differenceOf(partition, other)
      return what === null ? [] : [`${name}, partition ${partition.id}: ${what}`]
    })
    return [...said, ...[...left.values()].map(({ id, rows }) => `${name}, partition ${id}: ${rows} rows too many`)]
  })
}

/** Whether a rollup that may have merged since has the same sums, month by month. */
export function sameSums(expected: TableCounts, found: TableCounts): boolean {
  const told = ({ partitions }: TableCounts) => partitions.map(({ id, sums }) => `${id} ${sums}`).join()
  return told(expected) === told(found)
}

type Partition = TableCounts['partitions'][number]

function differenceOf(expected: Partition, found: Partition | undefined): string | null {
  if (found === undefined) return `its ${expected.rows} rows are missing`
  if (found.rows !== expected.rows) return `${found.rows} rows instead of ${expected.rows}`
  if (found.hash !== expected.hash || found.sums.join() !== expected.sums.join()) return 'its rows have other values'
  return null
}

export const writtenCounts = (found: LedgerCounts): string => `${JSON.stringify({ format: 1, ...found })}\n`

/** @throws LedgerError `state_damaged` where the text is none of ours */
export function readCounts(text: string): LedgerCounts {
  try {
    const { format: _, ...found } = counts.parse(JSON.parse(text))
    return found
  } catch (cause) {
    throw new LedgerError('state_damaged', 'the counts of the backup cannot be read', {
      place: COUNTS_FILE,
      hint: 'obleth-ledger backups list shows which backups there are: use another one',
      cause,
    })
  }
}
