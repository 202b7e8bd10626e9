import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bill } from '../../src/billing/bill.js'
import type { Measures, Statement } from '../../src/domain/bill.js'
import { createSchema } from '../../src/ledger/schema.js'
import { type BillRecord, billRecords, Exact, insertBillRecords } from '../support/bill-records.js'
import { makeTarget, type TestTarget } from '../support/server/targets.js'

const COUNT = 500_000
// From the middle of a day in every zone to the middle of another, over both clock changes of each zone that has them.
const FROM = Date.UTC(2025, 2, 1, 5, 17)
const TO = Date.UTC(2025, 10, 20, 19, 43)
const SLOT_MS = 900_000

let target: TestTarget
let records: readonly BillRecord[]
beforeAll(async () => {
  target = await makeTarget('embedded')
  records = billRecords(COUNT, FROM - 86_400_000, TO + 86_400_000)
  const ledger = await target.open('obleth')
  await createSchema(ledger)
  await insertBillRecords(ledger, records, join(target.scratch, 'records.tsv'))
  await ledger.close()
}, 300_000)
afterAll(() => target.remove())

/** The day of a moment by the platform's own calendar; zones change their clocks at full quarters of an hour. */
function dayIn(timeZone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  const days = new Map<number, string>()
  return (ms) => {
    const slot = Math.floor(ms / SLOT_MS)
    const known = days.get(slot)
    if (known !== undefined) return known
    const day = format.format(slot * SLOT_MS)
    days.set(slot, day)
    return day
  }
}

/** A sum as it is compared: counts, and the cost as decimal.js adds it up. */
class Sum {
  requests = 0n
  successes = 0n
  errors = 0n
  input = 0n
  output = 0n
  hits = 0n
  cost = new Exact(0)
  /** Added last: with hundreds of digits each sum takes long. */
  readonly wild: number[] = []

  add(r: BillRecord): void {
    this.requests++
    if (r.status >= 200 && r.status <= 399) this.successes++
    if (r.status >= 400) this.errors++
    this.input += BigInt(r.input)
    this.output += BigInt(r.output)
    if (r.cache === 'hit') this.hits++
    if (r.cost === 0 || (r.cost > 1e-9 && r.cost < 1e9)) this.cost = this.cost.plus(String(r.cost))
    else this.wild.push(r.cost)
  }

  text(): string {
    const cost = this.wild.reduce((sum, n) => sum.plus(String(n)), this.cost)
    const counts = [this.requests, this.successes, this.errors, this.input, this.output, this.hits]
    return [...counts, cost.toFixed()].join(' ')
  }
}

const textOf = (m: Measures) =>
  [m.requests, m.successes, m.errors, m.inputTokens, m.outputTokens, m.cacheHits, m.cost].join(' ')

function expected(timeZone: string): Record<string, string> {
  const dayOf = dayIn(timeZone)
  const sums = new Map<string, Sum>()
  const note = (name: string, r: BillRecord) => {
    const sum = sums.get(name) ?? new Sum()
    sum.add(r)
    sums.set(name, sum)
  }
  for (const r of records) {
    if (r.tsMs < FROM || r.tsMs >= TO) continue
    if (r.type === 'health_probe' || r.type === 'benchmark') note(`${r.tenant} ${r.type}`, r)
    else
      for (const of of ['total', `key ${r.key}`, `model ${r.model}`, `type ${r.type}`, `day ${dayOf(r.tsMs)}`])
        note(`${r.tenant} ${of}`, r)
  }
  return Object.fromEntries([...sums].map(([name, sum]) => [name, sum.text()]))
}

function found(statements: readonly Statement[]): Record<string, string> {
  const all: [string, Measures][] = statements.flatMap(
    ({ tenant, total, byKey, byModel, byRequestType, byDay, apart }) => {
      const named = (kind: string, list: Statement['byKey']) =>
        list.map((sum): [string, Measures] => [`${tenant.id} ${kind} ${sum.of}`, sum])
      return [
        [`${tenant.id} total`, total],
        [`${tenant.id} health_probe`, apart.healthProbe],
        [`${tenant.id} benchmark`, apart.benchmark],
        ...named('key', byKey),
        ...named('model', byModel),
        ...named('type', byRequestType),
        ...named('day', byDay),
      ] as [string, Measures][]
    },
  )
  return Object.fromEntries(all.map(([name, measures]) => [name, textOf(measures)]))
}

describe(`bills of ${COUNT} records`, () => {
  it.each(['UTC', 'America/Los_Angeles', 'Asia/Kolkata', 'Australia/Lord_Howe'])(
    'in %s',
    { timeout: 600_000 },
    async (timeZone) => {
      const statements: Statement[] = []
      const options = {
        target: target.options('obleth'),
        period: { kind: 'window' as const, sinceMs: FROM, untilMs: TO },
        timeZone,
        tenants: [],
        digits: 2,
        postgresUrl: undefined,
        configBackup: undefined,
        outages: [],
        waivers: undefined,
        retentionDays: 180,
      }
      const sink = {
        start: () => {},
        statement: (statement: Statement) => void statements.push(statement),
        end: () => {},
      }
      const summary = await bill(options, sink, Date.now(), null)
      expect(found(statements)).toEqual(expected(timeZone))
      const billed = statements.reduce((sum, { amountDue }) => sum.plus(amountDue.toFixed()), new Exact(0))
      expect(summary.amountDue.toFixed()).toBe(billed.toFixed(2))
      expect(
        statements.every(
          ({ total, amountDue }) =>
            new Exact(String(total.cost)).toFixed(2, Exact.ROUND_HALF_UP) === amountDue.toFixed(),
        ),
      ).toBe(true)
    },
  )
})
