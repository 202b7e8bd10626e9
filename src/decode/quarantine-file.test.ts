import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { QuarantineEntry } from '../domain/wal.js'
import { QuarantineFile } from './quarantine-file.js'

const entry = (changes: Partial<QuarantineEntry> = {}): QuarantineEntry => ({
  pod: 'router-0',
  path: 'router-0/telemetry.wal',
  line: 3,
  byteOffset: 120,
  length: 3,
  sha256: 'aa',
  reason: 'json_syntax',
  detail: 'no JSON',
  bytes: 'YmFk',
  ...changes,
})

let dir: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quarantine-'))
  path = join(dir, 'quarantine.jsonl')
})
afterEach(() => rmSync(dir, { recursive: true }))

/** What a run leaves that rejects these. */
function run(...entries: QuarantineEntry[]): number {
  const file = new QuarantineFile(path)
  for (const one of entries) file.add(one)
  file.close()
  return file.count
}
const written = () =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((text) => JSON.parse(text))

describe('quarantine file', () => {
  it('is not there where nothing was rejected', () => {
    expect(run()).toBe(0)
    expect(existsSync(path)).toBe(false)
  })

  it('is for its owner alone', () => {
    run(entry())
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(written()).toEqual([entry()])
  })

  it('holds an entry once, in one run and over several', () => {
    const others = [entry({ pod: 'b' }), entry({ path: 'c' }), entry({ byteOffset: 1 }), entry({ sha256: 'bb' })]
    expect(run(entry(), entry({ line: 9, detail: 'told otherwise' }))).toBe(1)
    expect(run(entry(), ...others)).toBe(5)
    expect(run(...others, entry())).toBe(5)
    expect(written()).toEqual([entry(), ...others])
  })

  it('knows entries that are larger than what is read at once', () => {
    const large = entry({ sha256: 'bb', bytes: 'A'.repeat(3 << 20) })
    run(entry(), large, entry({ byteOffset: 7 }))
    const { size } = statSync(path)
    expect(run(large, entry({ byteOffset: 7 }))).toBe(3)
    expect(statSync(path).size).toBe(size)
  })

  it('goes on behind a line that a kill cut short', () => {
    run(entry())
    appendFileSync(path, JSON.stringify(entry({ byteOffset: 9 })).slice(0, 40))
    expect(run(entry({ byteOffset: 9 }))).toBe(2)
    const [first, torn, last] = readFileSync(path, 'utf8').split('\n')
    expect([JSON.parse(first), JSON.parse(last)]).toEqual([entry(), entry({ byteOffset: 9 })])
    expect(() => JSON.parse(torn)).toThrow()
  })

  it('knows a whole line that lacks nothing but its LF', () => {
    writeFileSync(path, JSON.stringify(entry()))
    expect(run(entry())).toBe(1)
    expect(written()).toEqual([entry()])
  })

  it('says where it cannot write', () => {
    const file = new QuarantineFile(join(dir, 'gone', 'quarantine.jsonl'))
    expect(() => file.add(entry())).toThrow(expect.objectContaining({ place: join(dir, 'gone', 'quarantine.jsonl') }))
  })
})
