import { describe, expect, it } from 'vitest'
import { checkpointNames, createdMs, podFolder, roleOf } from './layout.js'

const SEGMENT = '01750007200935000000-15a4be4f-2ef9-4b78-b900-a936567ab85e.jsonl'
const role = (path: string, beside: string[] = []) => roleOf(Buffer.from(path, 'latin1'), new Set(beside))

describe('the role of a file', () => {
  it.each([
    ['pod/telemetry.wal', 'legacy'],
    ['pod/telemetry.wal.gz', 'legacy'],
    ['pod/usage.jsonl', 'legacy'],
    [`pod/telemetry.wal.segments/${SEGMENT}`, 'segment'],
    [`pod/telemetry.wal.segments/${SEGMENT}.gz`, 'segment'],
    ['pod/telemetry.wal.segments/other.jsonl', 'segment'],
    // Segments that were copied out of their folder are told by their names.
    [`pod/${SEGMENT}`, 'segment'],
    [`pod/telemetry.wal.segments/${SEGMENT}.corrupt`, 'corrupt'],
    ['pod/telemetry.wal.corrupt.gz', 'corrupt'],
    ['pod/telemetry.wal.offset', 'checkpoint'],
    ['pod/telemetry.wal.offset.gz', 'checkpoint'],
    ['pod/telemetry.wal.offset.tmp', 'unfinished_checkpoint'],
    ['pod/telemetry.wal.corrupt.offset', 'ignored'],
    ['pods.tar', 'archive'],
    ['pods.tar.gz', 'archive'],
    ['PODS.TGZ', 'archive'],
    ['pod/telemetry.wal.zst', 'legacy'],
    [`pod/telemetry.wal.segments/${SEGMENT}.zst`, 'segment'],
    ['pod/telemetry.wal.offset.zst', 'checkpoint'],
    ['pods.tar.zst', 'archive'],
    ['pods.tzst', 'archive'],
    ['pod/telemetry.wal.lz4', 'packed'],
    ['pods.tar.xz', 'packed'],
    ['pods.tbz2', 'packed'],
    ['photo.zip', 'other'],
    ['pod/wal', 'other'],
    ['pod/my.walrus', 'other'],
    ['pod/\xff.wal', 'legacy'],
    ['', 'other'],
  ])('%s: %s', (path, expected) => {
    expect(role(path)).toBe(expected)
  })

  it.each([
    [['journal.segments/'], 'legacy'],
    [['journal.offset'], 'legacy'],
    [['journal.offset.gz'], 'legacy'],
    [['journal.segments'], 'other'],
    [['other.segments/', 'journal2.offset'], 'other'],
  ])('of a file `journal` beside %j: %s', (beside, expected) => {
    expect(role('pod/journal', ['journal', ...beside])).toBe(expected)
    expect(role('pod/journal.gz', ['journal.gz', ...beside])).toBe(expected)
  })
})

it('a file that was compressed later may have its checkpoint under either name, and that compressed, too', () => {
  expect(checkpointNames('a.jsonl.gz')).toEqual([
    'a.jsonl.gz.offset',
    'a.jsonl.offset',
    'a.jsonl.offset.gz',
    'a.jsonl.offset.zst',
  ])
  expect(checkpointNames('a.jsonl')).toEqual(['a.jsonl.offset', 'a.jsonl.offset.gz', 'a.jsonl.offset.zst'])
})

it.each([
  [SEGMENT, 1_750_007_200_935],
  [`a/b.segments/${SEGMENT}.gz`, 1_750_007_200_935],
  [`${SEGMENT}.corrupt`, 1_750_007_200_935],
  ['00000000000001999999-x.jsonl', 1],
  ['1750007200935000000-x.jsonl', null],
  ['telemetry.wal', null],
])('%s began at %j', (path, expected) => {
  expect(createdMs(Buffer.from(path))).toBe(expected)
})

it.each([
  [`a/b/w.segments/${SEGMENT}`, 'a/b'],
  [`w.segments/${SEGMENT}`, ''],
  ['a/w.wal', 'a'],
  ['w.wal', ''],
])('%s belongs to the folder %j', (path, expected) => {
  expect(podFolder(Buffer.from(path)).toString()).toBe(expected)
})
