import { describe, expect, it } from 'vitest'
import { findPodFaults, type PodWal } from './pods.js'

const MINUTE_MS = 60_000
const START_MS = Date.UTC(2026, 2, 10, 21)

/** A pod that spilled for two hours from about nine, by a clock that is some minutes ahead. */
const pod = (name: string, ahead = 0, changes: Partial<PodWal> = {}): PodWal => ({
  pod: name,
  bytes: 1000,
  segments: 3,
  firstMs: START_MS + ahead * MINUTE_MS,
  lastMs: START_MS + (120 + ahead) * MINUTE_MS,
  quarantinedBytes: 0,
  ...changes,
})
const told = (pods: readonly PodWal[], expected: readonly string[] = []) =>
  findPodFaults(pods, expected).map(({ kind, place }) => `${kind} ${place}`)
const even = [pod('a'), pod('b', 1), pod('c', -1), pod('d', 2)]

describe('pods', () => {
  it('that agree are well', () => expect(told(even, ['a', 'b', 'c', 'd'])).toEqual([]))

  it('with other clocks are told while most agree', () => {
    const off = [pod('e', 61), pod('f', -30), pod('g', 6 * 60)]
    expect(told([...off, ...even])).toEqual(['pod_clock e', 'pod_clock f', 'pod_clock g'])
    // Half of them is no majority, and two that agree are not enough.
    expect(told([...off, pod('h', 90), ...even])).toEqual([])
    expect(told([pod('e', 61), pod('a'), pod('b', 1)])).toEqual([])
  })

  it('that began later, or ended earlier, have another life and no other clock', () => {
    const born = pod('e', 0, { firstMs: START_MS + 60 * MINUTE_MS })
    const died = pod('f', 0, { lastMs: START_MS + 30 * MINUTE_MS })
    const stranger = pod('g', 0, { firstMs: START_MS + 60 * MINUTE_MS, lastMs: START_MS + 300 * MINUTE_MS })
    expect(told([...even, born, died, stranger])).toEqual([])
    expect(told([...even, pod('h', 0, { firstMs: null, lastMs: null })])).toEqual([])
  })

  it('at either cap are full, and a little below are not', () => {
    const bytes = (n: number) => pod(`bytes-${n}`, 0, { bytes: n * 2 ** 20 })
    const segments = (n: number) => pod(`segments-${n}`, 0, { segments: n })
    const found = told([bytes(254), bytes(255), bytes(256), segments(1023), segments(1024), segments(1025)])
    expect(found).toEqual(
      ['bytes-255', 'bytes-256', 'segments-1024', 'segments-1025'].map((name) => `pod_full ${name}`),
    )
  })

  it('that are expected and not there are told, each', () => {
    expect(told(even, ['x', 'a', 'y', 'z'])).toEqual(['pod_unseen x', 'pod_unseen y', 'pod_unseen z'])
  })
})
