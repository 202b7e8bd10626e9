import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BackupEntry, BackupState, KeepPolicy } from '../domain/backup.js'
import { decide } from './prune.js'

const NONE: KeepPolicy = { last: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 }

const entry = (at: string, state: BackupState = 'complete', store: BackupEntry['store'] = 'postgres'): BackupEntry => ({
  store,
  id: at,
  state,
  reason: state === 'complete' ? null : `it is ${state}`,
  startedMs: Date.parse(at),
  bytes: 100,
  manifest: null,
})

/** Ids that stay, with why. */
const kept = (entries: readonly BackupEntry[], policy: Partial<KeepPolicy>) =>
  Object.fromEntries(
    decide(entries, { ...NONE, ...policy })
      .filter(({ keep }) => keep)
      .map(({ id, reasons }) => [id, reasons]),
  )

describe('a policy', () => {
  it('keeps the newest of each day, week, month and year, and says why', () => {
    // Monday was 2026-11-30 and 2026-11-23; Sunday the 29th belongs to the week of the 23rd.
    const entries = [
      '2026-11-30T12:00:00Z',
      '2026-11-30T01:00:00Z',
      '2026-11-29T23:59:59Z',
      '2026-11-23T00:00:00Z',
      '2026-11-22T23:00:00Z',
      '2026-10-31T00:00:00Z',
      '2025-12-31T23:59:59Z',
      '2025-01-01T00:00:00Z',
    ].map((at) => entry(at))
    expect(kept(entries, { last: 1, daily: 2, weekly: 3, monthly: 3, yearly: 2 })).toEqual({
      '2026-11-30T12:00:00Z': [
        'last 1 of 1',
        'daily: 2026-11-30',
        'weekly: week of 2026-11-30',
        'monthly: 2026-11',
        'yearly: 2026',
      ],
      '2026-11-29T23:59:59Z': ['daily: 2026-11-29', 'weekly: week of 2026-11-23'],
      '2026-11-22T23:00:00Z': ['weekly: week of 2026-11-16'],
      '2026-10-31T00:00:00Z': ['monthly: 2026-10'],
      '2025-12-31T23:59:59Z': ['monthly: 2025-12', 'yearly: 2025'],
    })
  })

  it('that keeps nothing keeps the last good one of each store', () => {
    const entries = [
      entry('2026-11-30T12:00:00Z', 'damaged'),
      entry('2026-11-29T12:00:00Z'),
      entry('2026-11-28T12:00:00Z'),
      entry('2026-11-27T12:00:00Z', 'complete', 'redis'),
    ]
    expect(kept(entries, {})).toEqual({
      '2026-11-30T12:00:00Z': ['it is damaged: look at it, and remove it by hand'],
      '2026-11-29T12:00:00Z': ['the last good one'],
      '2026-11-27T12:00:00Z': ['the last good one'],
    })
  })

  it('removes what was never finished, and leaves what is being made', () => {
    const entries = [entry('2026-11-30T12:00:00Z', 'running'), entry('2026-11-29T12:00:00Z', 'incomplete')]
    expect(kept(entries, { last: 5 })).toEqual({ '2026-11-30T12:00:00Z': ['it is running'] })
  })

  it('never removes the last good one, a damaged or a running one; more to keep never keeps less', () => {
    const moment = fc.integer({ min: Date.parse('2024-01-01'), max: Date.parse('2026-12-31') })
    const state = fc.constantFrom<BackupState>('complete', 'running', 'incomplete', 'damaged')
    const policy = fc.record({
      last: fc.nat(5),
      daily: fc.nat(5),
      weekly: fc.nat(5),
      monthly: fc.nat(5),
      yearly: fc.nat(5),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(moment, state), { maxLength: 40 }), policy, (list, keep) => {
        const entries = [...new Map(list).entries()]
          .sort(([a], [b]) => b - a)
          .map(([ms, is]) => entry(new Date(ms).toISOString(), is))
        const decisions = decide(entries, keep)
        expect(decisions.map(({ id }) => id)).toEqual(entries.map(({ id }) => id))
        const ids = new Set(decisions.filter((decision) => decision.keep).map(({ id }) => id))
        const good = entries.find((one) => one.state === 'complete')
        if (good !== undefined) expect(ids).toContain(good.id)
        for (const { id, state: is } of entries)
          if (is !== 'complete') expect(ids.has(id)).toBe(is === 'running' || is === 'damaged')
        const more = decide(entries, { ...keep, daily: keep.daily + 1, last: keep.last + 1 })
        for (const decision of more) if (ids.has(decision.id)) expect(decision.keep).toBe(true)
        for (const decision of decisions) expect(decision.reasons.length).toBeGreaterThan(0)
      }),
    )
  })
})
