import { describe, expect, it } from 'vitest'
import { ConflictIds, MOST_CONFLICT_IDS } from './conflict-ids.js'

describe('ConflictIds', () => {
  it('lists every id once, whole', () => {
    const ids = new ConflictIds()
    const words = Uint32Array.of(1, 2, 3, 4, 1, 2, 3, 5, 2 ** 32 - 1, 0, 0, 0, 1, 2, 3, 4)
    for (let round = 0; round < 3; round++) for (let at = 0; at < words.length; at += 4) ids.add(words, at)
    expect([...ids.list()]).toEqual([...words.subarray(0, 12)])
  })

  it('gives up where there are too many, and says what that means', () => {
    const ids = new ConflictIds()
    const words = Uint32Array.from({ length: (MOST_CONFLICT_IDS + 1) * 4 }, (_, n) => (n % 4 === 2 ? n >> 2 : 7))
    for (let n = 0; n < MOST_CONFLICT_IDS; n++) ids.add(words, n * 4)
    ids.add(words, 0)
    expect(ids.list()).toHaveLength(MOST_CONFLICT_IDS * 4)
    expect(() => ids.add(words, MOST_CONFLICT_IDS * 4)).toThrow(
      expect.objectContaining({ code: 'refused', message: expect.stringMatching(/250000 request ids/) }),
    )
  })
})
