import { expect, test } from 'vitest'
import type { WalFile } from '../domain/wal.js'
import type { Discovery } from '../sources/index.js'
import { sampleOf } from './sample.js'

const stored = (name: string) => ({ via: 'file' as const, path: Buffer.from(name) })

function file(index: number, pod: string, bytes: number | null, archive?: ReturnType<typeof stored>): WalFile {
  return {
    index,
    pod,
    path: `${pod}/${index}`,
    kind: 'segment',
    bytes,
    createdMs: null,
    checkpoint: { state: 'none' },
    candidateBatch: 0,
    modifiedMs: 0,
    version: '',
    locator: {
      stored: archive ?? stored(String(index)),
      compression: 'none',
      members: archive === undefined ? [] : [{ number: index, compression: 'none' }],
    },
  }
}

function found(files: WalFile[]): Discovery {
  const pods = [...new Set(files.map(({ pod }) => pod))]
  return {
    ...{ files, pods, bytes: 0, unreadable: [], warnings: [], startsPrograms: false, unseenPods: [], live: [] },
  }
}

const bytesOf = ({ files }: Discovery) => files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)

test('a tenth of many files comes from all over them, in their order, numbered anew', () => {
  const files = Array.from({ length: 200 }, (_, i) => file(i, `router-${Math.floor(i / 50)}`, 1000 + (i % 7)))
  const sample = sampleOf(found(files), 20_000)
  expect(bytesOf(sample)).toBeGreaterThan(18_000)
  expect(bytesOf(sample)).toBeLessThan(22_000)
  expect(sample.bytes).toBe(bytesOf(sample))
  expect(sample.pods).toEqual(['router-0', 'router-1', 'router-2', 'router-3'])
  const places = sample.files.map(({ path }) => Number(path.split('/')[1]))
  expect(places).toEqual([...places].sort((a, b) => a - b))
  for (let i = 1; i < places.length; i++) expect(places[i] - places[i - 1]).toBeLessThan(13)
  expect(sample.files.map(({ index }) => index)).toEqual(sample.files.map((_, i) => i))
})

test('the same is taken each time', () => {
  const files = Array.from({ length: 50 }, (_, i) => file(i, 'router-0', 100 * (1 + (i % 3))))
  expect(sampleOf(found(files), 3000)).toEqual(sampleOf(found(files), 3000))
})

test('of an archive all is taken, or nothing', () => {
  const [a, b] = [stored('a.tar'), stored('b.tar')]
  const files = [0, 1, 2, 3, 4, 5].map((i) => file(i, 'router-0', 100, i < 3 ? a : b))
  const sample = sampleOf(found(files), 250)
  expect(sample.files.map(({ path }) => path)).toEqual(['router-0/0', 'router-0/1', 'router-0/2'])
})

test('something is taken, however large', () => {
  expect(sampleOf(found([file(0, 'a', 5000), file(1, 'a', 5000)]), 10).files).toHaveLength(1)
})

test('all is taken where it is no more than wanted, or a size is not known', () => {
  const known = found([file(0, 'a', 500), file(1, 'a', 500)])
  expect(sampleOf(known, 1000)).toBe(known)
  const unknown = found([file(0, 'a', 500), file(1, 'a', null), file(2, 'a', 500)])
  expect(sampleOf(unknown, 600)).toBe(unknown)
})
