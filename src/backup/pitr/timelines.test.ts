import { expect, test } from 'vitest'
import type { BaseBackup } from '../../domain/pitr.js'
import { historyName, leadsTo, lsnOf, readHistory, timelineOf } from './timelines.js'

const backup = (timeline: number, stopLsn: string): BaseBackup => ({
  label: 'x',
  type: 'full',
  stoppedAt: '2026-03-01T00:00:00.000Z',
  bytes: 1,
  firstWal: '000000010000000000000001',
  timeline,
  stopLsn,
  damaged: false,
})

// Timeline 4 branched off 1, after 2 and 3 were given up.
const HISTORY = `1\t0/5000028\tbefore 2026-03-01 11:00:00.5+00\n\n# a comment\n`

test.each([
  [backup(4, '0/7000000'), true],
  [backup(1, '0/5000028'), true],
  [backup(1, '0/5000029'), false],
  [backup(1, '1/0'), false],
  [backup(2, '0/100'), false],
])('%o leads to timeline 4: %s', (from, leads) => {
  expect(leadsTo(from, 4, readHistory(HISTORY))).toBe(leads)
})

test('a history is read line by line, and nothing else in it', () => {
  expect(readHistory('1\t0/5000028\tx\r\n2\tA/FF\tno recovery target specified\nrubbish\n')).toEqual([
    { timeline: 1, lsn: 0x5000028n },
    { timeline: 2, lsn: 0xa000000ffn },
  ])
  expect(readHistory('')).toEqual([])
})

test('names and addresses', () => {
  expect(historyName(26)).toBe('0000001A.history')
  expect(timelineOf('0000001A0000000000000004')).toBe(26)
  expect(lsnOf('1/0')).toBe(2n ** 32n)
})
