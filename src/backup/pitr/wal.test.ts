import { expect, test } from 'vitest'
import { isBefore, isSegmentName, onTimeline, segmentBefore } from './wal.js'

const MIB = 2 ** 20

test.each([
  ['000000010000000000000004', 16 * MIB, '000000010000000000000003'],
  ['000000010000000100000000', 16 * MIB, '0000000100000000000000FF'],
  ['0000000A0000000F00000000', 64 * MIB, '0000000A0000000E0000003F'],
  ['000000020000000100000000', 1 * MIB, '000000020000000000000FFF'],
  ['000000010000000100000000', 1024 * MIB, '000000010000000000000003'],
  ['000000010000000000000000', 16 * MIB, null],
])('before %s of %i bytes stands %s', (segment, bytes, before) => {
  expect(segmentBefore(segment, bytes)).toBe(before)
})

test('a segment on another timeline', () => {
  expect(onTimeline('000000100000000000000004', 15)).toBe('0000000F0000000000000004')
})

test('segments are compared whatever their timelines', () => {
  expect(isBefore('000000020000000000000004', '000000010000000000000005')).toBe(true)
  expect(isBefore('000000010000000000000005', '000000020000000000000005')).toBe(false)
})

test.each(['000000010000000000000004.partial', '00000002.history', '00000001000000000000000g', ''])(
  '%s is no segment',
  (name) => expect(isSegmentName(name)).toBe(false),
)
