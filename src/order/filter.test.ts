import { describe, expect, it } from 'vitest'
import { arenaOf, plainRecord, random } from '../../test/property/order-records.js'
import { type RecordFilter, recordFilter } from './filter.js'

const TENANT = 'AbCdEf01-2345-6789-aBcD-ef0123456789'

function verdicts(filter: Partial<RecordFilter>, times: readonly number[], tenant_id = TENANT.toLowerCase()) {
  const next = random(2)
  const arena = arenaOf(times.map((ts) => ({ record: { ...plainRecord(next, ts), tenant_id }, evidence: 0, batch: 0 })))
  const passes = recordFilter({ tenants: [], ...filter })
  return times.map((_, row) => passes(arena, row))
}

describe('recordFilter', () => {
  it('takes all without limits', () => {
    expect(verdicts({}, [0, 4e12])).toEqual(['kept', 'kept'])
  })

  it('has a half-open window, and counts what is too old apart only inside it', () => {
    const filter = { sinceMs: 1000, untilMs: 3000, dropBeforeMs: 2000 }
    expect(verdicts(filter, [999, 1000, 1999, 2000, 2999, 3000])).toEqual([
      'filtered',
      'expired',
      'expired',
      'kept',
      'kept',
      'filtered',
    ])
    expect(verdicts({ sinceMs: 0, untilMs: 0 }, [0])).toEqual(['filtered'])
  })

  it('compares tenants whole', () => {
    const tenants = ['00000000-0000-0000-0000-000000000000', TENANT.toLowerCase()]
    expect(verdicts({ tenants }, [1])).toEqual(['kept'])
    for (const at of [0, 9, 14, 19, 35]) {
      const other = `${TENANT.slice(0, at)}${TENANT[at] === '5' ? '6' : '5'}${TENANT.slice(at + 1)}`.toLowerCase()
      expect(verdicts({ tenants }, [1], other), other).toEqual(['filtered'])
    }
  })
})
