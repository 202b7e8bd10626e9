import { describe, expect, it } from 'vitest'
import { LedgerError } from '../domain/errors.js'
import type { Ledger } from './ledger.js'
import { type Patience, patiently } from './patiently.js'

/** A server on which `running` statements of ours are at work, one fewer at each look. */
function ledgerWith(running: number, looks: string[] = []): Ledger {
  let left = running
  return {
    kind: 'server',
    location: 'http://x',
    queryIds: "obleth-ledger-'7'",
    rows: async (sql: string) => {
      looks.push(sql)
      return Array.from({ length: Math.max(0, left--) }, (_, n) => ({ id: `obleth-ledger-'7'-${n}` }))
    },
  } as unknown as Ledger
}

function patience(more: Partial<Patience> = {}) {
  const notices: string[] = []
  const emit: Patience['emit'] = (event) => {
    if (event.type === 'notice') notices.push(event.message)
  }
  return { notices, emit, signal: new AbortController().signal, firstWaitMs: 1, ...more }
}

const busy = (cause?: unknown) => new LedgerError('target_unreachable', 'too busy', { retryable: true, cause })

/** Fails so many times, then gives 7. */
function failing(times: number, error: () => unknown = busy) {
  let calls = 0
  return {
    calls: () => calls,
    act: async () => {
      if (calls++ < times) throw error()
      return 7
    },
  }
}

describe('patiently', () => {
  it('tells of each wait and gives what comes in the end', async () => {
    const p = patience()
    const { act, calls } = failing(7)
    expect(await patiently(ledgerWith(0), p, act)).toBe(7)
    expect(calls()).toBe(8)
    expect(p.notices).toHaveLength(7)
    expect(p.notices[0]).toMatch(/^too busy: trying again in 0\.0 s, attempt 2 of 8$/)
    expect(p.notices[6]).toMatch(/attempt 8 of 8$/)
  })

  it('gives up with the error of the last attempt', async () => {
    let n = 0
    const { act, calls } = failing(99, () => new LedgerError('target_failed', `no ${++n}`, { retryable: true }))
    await expect(patiently(ledgerWith(0), patience(), act)).rejects.toMatchObject({
      code: 'target_failed',
      message: 'no 8',
    })
    expect(calls()).toBe(8)
  })

  it('counts from the last progress', async () => {
    let calls = 0
    const act = patiently(ledgerWith(0), patience(), async ({ progressed }) => {
      if (++calls % 7 === 0 && calls < 30) progressed()
      throw busy()
    })
    await expect(act).rejects.toMatchObject({ message: 'too busy' })
    // The 28th was the last that came further: its failure is the first of eight.
    expect(calls).toBe(35)
  })

  it.each([
    ['a refusal', () => new LedgerError('refused', 'no')],
    ['a bug', () => new TypeError('no')],
  ])('does not try again after %s', async (_, error) => {
    const { act, calls } = failing(1, error)
    await expect(patiently(ledgerWith(0), patience(), act)).rejects.toThrow('no')
    expect(calls()).toBe(1)
  })

  it('waits until nothing of ours runs on the server any more, and asks for no more than ours', async () => {
    const looks: string[] = []
    const { act } = failing(1)
    expect(await patiently(ledgerWith(2, looks), patience(), act)).toBe(7)
    expect(looks).toHaveLength(3)
    expect(looks[0]).toContain("startsWith(query_id, 'obleth-ledger-\\'7\\'')")
  })

  it('goes on where the server cannot even be asked', async () => {
    let asked = 0
    const ledger = {
      ...ledgerWith(0),
      rows: async () => {
        if (asked++ < 3) throw busy()
        return []
      },
    } as unknown as Ledger
    const { act, calls } = failing(1)
    expect(await patiently(ledger, patience(), act)).toBe(7)
    expect([asked, calls()]).toEqual([4, 2])
  })

  it('waits as long as the server asks for, and longer for merges', async () => {
    const asked = patience()
    const error = new LedgerError('target_unreachable', 'later', { retryable: true, retryAfterMs: 1200 })
    await patiently(ledgerWith(0), asked, failing(1, () => error).act)
    expect(asked.notices).toEqual([expect.stringMatching(/in 1\.2 s/)])
    const parts = patience({ firstWaitMs: 100 })
    const tooMany = () => busy(Object.assign(new Error('parts'), { code: '252' }))
    await patiently(ledgerWith(0), parts, failing(1, tooMany).act)
    expect(parts.notices).toEqual([expect.stringMatching(/in 0\.[345] s/)])
  })

  it('stops waiting when it is told to', async () => {
    const abort = new AbortController()
    const p = patience({ signal: abort.signal, firstWaitMs: 60_000 })
    const waiting = patiently(ledgerWith(0), p, failing(1).act)
    setTimeout(() => abort.abort(), 5)
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' })
    const late = patience({ signal: abort.signal })
    await expect(patiently(ledgerWith(0), late, failing(1).act)).rejects.toMatchObject({ code: 'interrupted' })
    expect(late.notices).toEqual([])
  })
})
