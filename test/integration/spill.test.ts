import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LedgerDir } from '../support/ledger-dir.js'
import { batches, record, segment } from '../support/records.js'
import { segmentName } from '../support/wal-tree.js'

const RECORDS = 6000

let dir: LedgerDir
let mounted = false
beforeEach(() => {
  dir = new LedgerDir()
  const all = Array.from({ length: RECORDS }, (_, n) => record(n))
  dir.write(`a/telemetry.wal.segments/${segmentName(1_773_180_000_000)}`, segment(batches(all)))
  mkdirSync(dir.state)
})
afterEach(() => {
  if (mounted) mount('umount', dir.state)
  mounted = false
  dir.remove()
})

function mount(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}

const rows = () => {
  const [tables] = dir.sql("SELECT name FROM system.tables WHERE database = 'obleth' AND name = 'usage'")
  return tables.length === 0 ? '0' : dir.sql('SELECT count() AS n FROM obleth.usage')[0][0].n
}

describe('a state directory on a disk that is full', () => {
  it.for<[string, string, string, RegExp]>([
    // Too small from the beginning; and with space for bytes, but none for the files of the first block.
    ['before anything is read', 'size=4m', 'size=256m', /bytes free/],
    ['while records are on their way', 'size=256m,nr_inodes=5', 'nr_inodes=10000', /cannot write/],
  ])(
    '%s: nothing is published, and the same command goes on once there is space',
    ([, full, space, told], { skip }) => {
      mounted = mount('mount', '-t', 'tmpfs', '-o', full, 'tmpfs', dir.state)
      if (!mounted) skip('a small disk can be mounted only by root')
      const failed = dir.replay()
      expect([failed.code, failed.document.error?.code]).toEqual([1, 'disk_full'])
      expect((failed.document.error as { hint?: string }).hint).toMatch(/space/)
      expect(failed.document.error?.message).toMatch(told)
      expect(rows()).toBe('0')
      expect(mount('mount', '-o', `remount,${space}`, dir.state)).toBe(true)
      const { code, document } = dir.replay()
      expect([code, document.rollup, document.records.inserted]).toEqual([0, 'consistent', RECORDS])
      expect(rows()).toBe(String(RECORDS))
    },
  )
})
