import { expect, it } from 'vitest'
import type { WalFile, WalFileKind } from '../domain/wal.js'
import { mayGrow } from './may-grow.js'

function file(pod: string, kind: WalFileKind, createdMs: number | null): WalFile {
  return {
    index: 0,
    pod,
    path: '',
    kind,
    bytes: 1,
    createdMs,
    checkpoint: { state: 'none' },
    candidateBatch: 0,
    modifiedMs: 0,
    version: '',
    locator: { stored: { via: 'file', path: new Uint8Array() }, compression: 'none', members: [] },
  }
}

it('is the newest segment of a live pod, its legacy WAL and its corrupt files, and nothing of a dead one', () => {
  const files = [
    file('live', 'segment', 2000),
    file('live', 'segment', 3000),
    file('live', 'segment', 1000),
    // Without a time in its name it may be the newest.
    file('live', 'segment', null),
    file('live', 'legacy', null),
    file('live', 'corrupt', 1),
    file('dead', 'segment', 9000),
    file('dead', 'legacy', null),
  ]
  expect(files.map(mayGrow(files, new Set(['live'])))).toEqual([false, true, false, true, true, true, false, false])
})
