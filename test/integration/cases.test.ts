import { existsSync, readFileSync } from 'node:fs'
import pLimit from 'p-limit'
import { describe, expect, it } from 'vitest'
import type { RunDocument } from '../../src/domain/document.js'
import {
  CaseLedger,
  caseInput,
  caseNames,
  casePath,
  decimal,
  type Expected,
  expectedOf,
  quarantineOf,
  type Stretch,
  sha256,
} from '../support/cases.js'
import type { Row } from '../support/ledger-dir.js'

const CODES: Record<string, readonly number[]> = {
  success: [0],
  success_with_warnings: [0, 3],
  'incomplete (non-zero or distinct status)': [3],
}

/** Where a case leaves two ways open, the records that this tool loads; those of the other cases, it quarantines. */
const LOADS_WHAT_IT_MAY = new Set(['005', '017', '025', '059', '063'])

const USAGE_SQL = `SELECT toString(request_id) AS id, input_tokens, output_tokens, toString(weight) AS weight,
  toString(cost_usd) AS cost, toString(toDate(fromUnixTimestamp64Milli(ts_ms, 'UTC'))) AS day, lower(hex(model)) AS model,
  leftPad(lower(hex(reinterpretAsUInt64(cost_usd))), 16, '0') AS cost_bits,
  leftPad(lower(hex(reinterpretAsUInt64(energy_wh))), 16, '0') AS energy_bits FROM obleth.usage`
const DAILY_SQL = `SELECT toString(day) AS day, toString(tenant_id) AS tenant_id, toString(key_id) AS key_id, model,
  sum(requests) AS requests, sum(success_requests) AS success_requests, sum(error_requests) AS error_requests,
  sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(estimated_tokens) AS estimated_tokens,
  sum(cache_hits) AS cache_hits, sum(cache_misses) AS cache_misses, sum(ttft_ms_sum) AS ttft_ms_sum,
  sum(total_ms_sum) AS total_ms_sum, toString(round(sum(cost_usd_sum), 9)) AS cost_usd_sum
  FROM obleth.usage_daily GROUP BY day, tenant_id, key_id, model ORDER BY day, tenant_id, key_id, model`

/** Cases 43 and 45 come in two steps, 55 needs another user: they have tests of their own. */
const withInput = caseNames().filter((name) => existsSync(casePath(name, 'input')) && name !== '055')
const twoAtATime = pLimit(2)

describe('cases of damage from the field', () => {
  it.concurrent.each(withInput)('case %s', { timeout: 300_000 }, (name) => twoAtATime(() => check(name)))
})

async function check(name: string): Promise<void> {
  const want = expectedOf(name)
  const ledger = new CaseLedger()
  try {
    const input = caseInput(name, ledger.root)
    const first = await ledger.replay(input)
    expect(CODES[want.exit_expectation], first.stderr).toContain(first.code)
    const second = await ledger.replay(input)
    expect(second.code).toBe(first.code)
    const [rows, daily] = await ledger.sql(USAGE_SQL, DAILY_SQL)
    expectRecords(name, want, rows)
    expectBalance(first.document, rows.length, 0)
    expectBalance(second.document, 0, rows.length)
    expectQuarantine(name, want, first.document, new Set(rows.map(({ id }) => id)))
    expect(quarantineOf(second.document)).toEqual(quarantineOf(first.document))
    expectValues(want, rows)
    if (want.usage_daily_rows !== undefined) expectDaily(want.usage_daily_rows, daily)
    for (const [field, count] of Object.entries(want.unknown_fields ?? {}))
      expect(first.document.unknownFields).toContainEqual({ name: field, count })
    if (want.conflicts === undefined) expect(first.document.records.duplicates).toBe(want.totals.duplicates_collapsed)
    else expect(first.document.records.conflicts).toBeGreaterThan(0)
    expect(first.document.rollup).toBe('consistent')
    // A run that could not read everything says of which file.
    expect(first.document.sources.unreadable.length > 0).toBe(want.exit_expectation.startsWith('incomplete'))
  } finally {
    ledger.remove()
  }
}

function expectRecords(name: string, want: Expected, rows: readonly Row[]): void {
  const may = LOADS_WHAT_IT_MAY.has(name)
  const also = [
    ...(may ? (want.salvageable_request_ids ?? []) : []),
    ...(want.conflicts ?? []).map((c) => c.request_id),
  ]
  const tolerated = may ? (want.tolerated_request_ids ?? []) : []
  const ids = rows.map(({ id }) => id).sort()
  expect(ids).toEqual([...new Set([...want.required_request_ids, ...also, ...tolerated])].sort())
}

function expectBalance({ lines, records }: RunDocument, inserted: number, already: number): void {
  expect(lines.read).toBe(lines.blank + lines.quarantined + lines.tornTails + lines.withRecords)
  expect(records).toMatchObject({ inserted, alreadyInLedger: already })
  expect(records.decoded).toBe(inserted + already + records.duplicates + records.conflicts + records.filteredOut)
}

/** Every stretch that should be in the quarantine file is there, byte for byte, and nothing else is. */
function expectQuarantine(name: string, want: Expected, document: RunDocument, loaded: ReadonlySet<string>): void {
  const lost = (want.salvage_lines ?? []).filter(({ request_ids }) => request_ids.some((id) => !loaded.has(id)))
  const rejected = want.quarantined.filter(
    ({ may_instead_load: ids = [] }) => ids.length === 0 || !ids.every((id) => loaded.has(id)),
  )
  const wanted: Stretch[] = [...rejected, ...want.incomplete_tails, ...lost]
  const place = (s: Stretch) => `${s.file.replace(/^input\//, '')} ${s.line} ${s.byte_offset}+${s.length} ${s.sha256}`
  // Cases do not list what obleth had set aside already, nor where an archive that was cut breaks its last line off.
  const entries = quarantineOf(document).filter(
    ({ reason, path }) => reason !== 'conflict' && !/\.corrupt$|\.gz$|\.tar\//.test(path),
  )
  const got = entries.map((e) => `${e.path} ${e.line} ${e.byteOffset}+${e.length} ${e.sha256}`)
  expect(got.sort()).toEqual(wanted.map(place).sort())
  for (const entry of entries) {
    const file = readFileSync(casePath(name, 'input', entry.path))
    const bytes = Buffer.from(entry.bytes, 'base64')
    expect(bytes.equals(file.subarray(entry.byteOffset, entry.byteOffset + entry.length))).toBe(true)
    expect(sha256(bytes)).toBe(entry.sha256)
  }
}

function expectValues(want: Expected, rows: readonly Row[]): void {
  const sum = (of: readonly Row[], column: string) => of.reduce((total, row) => total + Number(row[column]), 0)
  const cost = (of: readonly Row[]) => of.reduce((total, row) => total + decimal(row.cost), 0n)
  const totals = [want.totals, want.totals_minimum_if_no_salvage].find((t) => t?.records_loaded === rows.length)
  if (totals !== undefined && want.conflicts === undefined) {
    expect(sum(rows, 'input_tokens')).toBe(totals.sum_input_tokens)
    expect(sum(rows, 'output_tokens')).toBe(totals.sum_output_tokens)
    expect(cost(rows)).toBe(decimal(totals.sum_cost_usd_exact))
  }
  if (totals === want.totals && want.conflicts === undefined)
    for (const [day, sums] of Object.entries(want.per_utc_day)) {
      const its = rows.filter((row) => row.day === day)
      expect([its.length, sum(its, 'input_tokens'), sum(its, 'output_tokens')]).toEqual([
        sums.requests,
        sums.input_tokens,
        sums.output_tokens,
      ])
      expect(cost(its)).toBe(decimal(sums.cost_usd))
    }
  const row = (id: string) => rows.find((r) => r.id === id)
  for (const [id, { weight }] of Object.entries(want.exact_int_checks ?? {})) expect(row(id)?.weight).toBe(weight)
  for (const [id, hex] of Object.entries(want.model_checks ?? {})) expect(row(id)?.model).toBe(hex)
  for (const [id, bits] of Object.entries(want.float_bits_hex_be ?? {}))
    for (const [name, hex] of Object.entries(bits))
      expect(row(id)?.[name === 'cost_usd' ? 'cost_bits' : 'energy_bits']).toBe(hex)
}

function expectDaily(want: readonly Readonly<Record<string, string | number>>[], got: readonly Row[]): void {
  const groups = (rows: readonly Readonly<Record<string, string | number>>[]) =>
    rows
      .map(({ cost_usd_sum, ...rest }) => ({
        ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)])),
        cost_usd_sum: Number(cost_usd_sum).toFixed(9),
      }))
      .map((row) => JSON.stringify(Object.entries(row).sort()))
      .sort()
  expect(groups(got)).toEqual(groups(want))
}
