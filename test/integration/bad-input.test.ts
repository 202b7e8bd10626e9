import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LedgerEvent } from '../../src/domain/events.js'
import { quarantineOf, sha256 } from '../support/cases.js'
import { LedgerDir, type Ran } from '../support/ledger-dir.js'
import { lineOf, record, segment } from '../support/records.js'
import { AWS, segmentName, tarOf } from '../support/wal-tree.js'

type Pipeline = typeof import('../../src/pipeline/index.js')

let dir: LedgerDir
beforeEach(() => {
  dir = new LedgerDir()
})
afterEach(() => dir.remove())

const SEGMENTS = 'telemetry.wal.segments'
const file = (pod: string, n = 0) => `${pod}/${SEGMENTS}/${segmentName(1_773_180_000_000 + n)}`
const inspect = (...args: string[]): Ran => dir.run(['inspect', dir.pods, ...args])
const ids = () => dir.sql('SELECT toString(request_id) AS id FROM obleth.usage ORDER BY id')[0].map(({ id }) => id)

describe('sources that are not there', () => {
  it.each([
    ['an empty folder', [], '.segments/*.jsonl'],
    ['a pattern without match', ['*/nothing-*.wal'], 'a quoted pattern'],
    ['a name that is not there', ['nowhere'], 'the folder that holds the pods'],
  ])('%s', (_, below, advice) => {
    const { code, document } = dir.run(['replay', join(dir.pods, ...below)])
    expect([code, document.error?.code]).toEqual([10, 'source_not_found'])
    expect(document.error?.message).toContain(join(dir.pods, ...below))
    expect((document.error as { hint?: string }).hint).toContain(advice)
  })
})

describe('what is no file', () => {
  it('is passed over with a warning', () => {
    dir.write(file('a'), segment([[record(0), record(1)]]))
    const folder = join(dir.pods, 'a', SEGMENTS)
    execFileSync('mkfifo', [join(folder, segmentName(1_773_180_000_001))])
    symlinkSync('/dev/zero', join(folder, segmentName(1_773_180_000_002)))
    const ran = dir.replay()
    expect([ran.code, ran.document.records.inserted]).toEqual([0, 2])
    const passed = ran.document.warnings.filter((warning) => warning.class === 'not_a_file')
    expect(passed.map(({ path }) => path).sort()).toEqual([1, 2].map((n) => file('a', n)))
  })

  it('is passed over when it is the source itself', () => {
    const fifo = join(dir.root, 'telemetry.wal')
    execFileSync('mkfifo', [fifo])
    for (const source of [fifo, '/dev/zero']) {
      const { code, document } = dir.run(['inspect', source])
      expect([code, document.error?.code]).toEqual([10, 'source_not_found'])
    }
  })

  it('links in a circle are followed once', () => {
    dir.write(file('a'), segment([[record(0), record(1)]]))
    symlinkSync('..', join(dir.pods, 'a', 'up'))
    symlinkSync('self', join(dir.pods, 'a', 'self'))
    symlinkSync('a', join(dir.pods, 'b'))
    symlinkSync('../../a', join(dir.pods, 'a', SEGMENTS, 'back'))
    const { document } = inspect()
    expect(document.records.decoded).toBe(2)
    expect(document.sources.files).toBe(1)
  })
})

describe('files that change after they were found', () => {
  it('are read once, as far as they are there, and told of', async () => {
    for (const [n, pod] of ['vanishes', 'shrinks', 'grows', 'stays'].entries())
      dir.write(file(pod), segment([[record(2 * n), record(2 * n + 1)]]))
    const path = (pod: string) => join(dir.pods, file(pod))
    const line = lineOf(record(0)).length + 1
    // The built pipeline tells when it has found its files and is about to read them.
    const { inspect: run } = (await import(new URL('../../dist/pipeline.js', import.meta.url).href)) as Pipeline
    const change = (event: LedgerEvent) => {
      if (event.type !== 'stage_started' || event.stage !== 'decode') return
      unlinkSync(path('vanishes'))
      truncateSync(path('shrinks'), line + 20)
      appendFileSync(path('grows'), segment([[record(20), record(21)]]))
    }
    const { document } = await run(
      {
        sources: [dir.pods],
        s3: AWS,
        sinceMs: undefined,
        untilMs: undefined,
        tenants: [],
        acceptFuture: false,
        concurrency: 2,
        memoryBytes: 64 << 20,
        stateDir: dir.state,
      },
      { emit: change, signal: new AbortController().signal, confirm: async () => false },
    )
    // Both of `stays`, one of `shrinks`, and all four of `grows`.
    expect(document.records.decoded).toBe(7)
    expect(document.lines.tornTails).toBe(1)
    const told = document.warnings.filter((warning) => ['vanished', 'shrank', 'grew'].includes(warning.class))
    expect(told.map((warning) => [warning.class, warning.path]).sort()).toEqual([
      ['grew', file('grows')],
      ['shrank', file('shrinks')],
      ['vanished', file('vanishes')],
    ])
    const { read, blank, quarantined, tornTails, withRecords } = document.lines
    expect(read).toBe(blank + quarantined + tornTails + withRecords)
  })
})

describe('names', () => {
  it('may hold spaces, line breaks, signs of every kind and bytes that are not UTF-8', () => {
    const pods = ['with space', 'two\nlines', '😀 [1] (2) {3} *', '\u001b[31mred', '-rf'].map((name) =>
      Buffer.from(name),
    )
    pods.push(Buffer.from([0x70, 0xff, 0xfe]))
    for (const [n, pod] of pods.entries()) {
      const folder = Buffer.concat([Buffer.from(`${dir.pods}/`), pod, Buffer.from(`/${SEGMENTS}`)])
      mkdirSync(folder, { recursive: true })
      const text = `${lineOf(record(n))}\nbroken\n`
      writeFileSync(Buffer.concat([folder, Buffer.from(`/${segmentName(1_773_180_000_000 + n)}`)]), text)
    }
    const ran = dir.replay()
    expect([ran.code, ran.document.records.inserted, ran.document.sources.pods]).toEqual([3, 6, 6])
    expect(quarantineOf(ran.document).length).toBe(6)
    expect(quarantineOf(ran.document).some(({ path }) => path.startsWith('pct:p%FF%FE/'))).toBe(true)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence is what must not be there
    expect(ran.stderr).not.toMatch(/\u001b\[31m/)
    expect(dir.replay().document.records).toMatchObject({ inserted: 0, alreadyInLedger: 6 })
  })
})

describe('lines of hundreds of megabytes', () => {
  it('are set aside as too long, in bounded memory', () => {
    dir.write(file('a'), segment([[record(0)]]))
    const small = inspect()
    const long = lineOf(record(1)).replace('gpt-small', 'MODEL')
    const [head, tail] = long.split('MODEL')
    const fd = openSync(join(dir.pods, file('a', 1)), 'w')
    writeSync(fd, head)
    const part = Buffer.alloc(8 << 20, 'm')
    for (let n = 0; n < 25; n++) writeSync(fd, part)
    writeSync(fd, `${tail}\n${lineOf(record(2))}\n`)
    closeSync(fd)
    const ran = inspect()
    expect(ran.code).toBe(3)
    expect(ran.document.records.decoded).toBe(2)
    const [entry, ...more] = quarantineOf(ran.document)
    expect(more).toEqual([])
    const length = head.length + tail.length + 25 * part.length
    expect(entry).toMatchObject({ path: file('a', 1), line: 1, byteOffset: 0, length, reason: 'oversize' })
    expect(ran.document.peakRssBytes).toBeLessThan(small.document.peakRssBytes + (200 << 20))
  })
})

describe('archives', () => {
  it('cut short give what they hold, and the run says that something is missing', async () => {
    const entries = [0, 1, 2].map((pod) => ({
      name: file(`pod-${pod}`),
      content: segment([Array.from({ length: 50 }, (_, n) => record(100 * pod + n))]),
    }))
    const whole = gzipSync(await tarOf(entries))
    dir.write('pods.tar.gz', whole.subarray(0, Math.floor(whole.length * 0.6)))
    const ran = dir.replay()
    expect([ran.code, ran.document.status]).toEqual([3, 'incomplete'])
    expect(ran.document.sources.unreadable.some(({ path }) => path.startsWith('pods.tar.gz'))).toBe(true)
    expect(ran.document.records.inserted).toBeGreaterThanOrEqual(50)
    expect(ran.document.records.inserted).toBeLessThan(150)
  })

  it('write nothing outside, whatever names their entries have', async () => {
    const content = segment([[record(0)]])
    const archive = await tarOf([
      { name: `../../${file('outside')}`, content },
      { name: `/${file('absolute')}`, content: segment([[record(1)]]) },
      { name: file('inside'), content: segment([[record(2)]]) },
    ])
    dir.write('pods.tar', archive)
    const before = readdirSync(dir.root).sort()
    const ran = inspect()
    expect(readdirSync(dir.root).sort()).toEqual([...new Set([...before, 'state'])].sort())
    expect(existsSync(join(dir.root, '..', 'outside'))).toBe(false)
    expect(ran.document.records.decoded).toBe(3)
    const unsafe = ran.document.warnings.filter((warning) => warning.class === 'unsafe_name')
    expect(unsafe.map(({ path }) => path).sort()).toEqual([
      `pods.tar/${file('absolute')}`,
      `pods.tar/${file('outside')}`,
    ])
  })
})

describe('request ids with different values', () => {
  it.each([
    ['in one order', ['a', 'b']],
    ['in the other', ['b', 'a']],
  ])('stay the same one %s of files, both versions set aside', (_, [one, other]) => {
    const versions = [record(3, { output_tokens: 50 }), record(3, { output_tokens: 75 })]
    dir.write(file(one), segment([[record(0), versions[0]]]))
    dir.write(file(other), segment([[versions[1], record(1)]]))
    const ran = dir.replay()
    expect([ran.code, ran.document.status]).toEqual([3, 'incomplete'])
    expect(ran.document.records).toMatchObject({ decoded: 4, inserted: 3, duplicates: 0, conflicts: 1 })
    const [rows] = dir.sql('SELECT output_tokens AS n FROM obleth.usage WHERE output_tokens IN (50, 75, 125)')
    expect(rows).toEqual([{ n: 75 }])
    const entries = quarantineOf(ran.document)
    expect(entries.map(({ reason }) => reason)).toEqual(['conflict', 'conflict'])
    expect(entries.map((entry) => entry.sha256).sort()).toEqual(
      versions.map((version) => sha256(Buffer.from(lineOf(version)))).sort(),
    )
    const again = dir.replay()
    expect([again.code, again.document.records.inserted]).toEqual([3, 0])
    expect(quarantineOf(again.document)).toEqual(entries)
  })
})

describe('parts of the input', () => {
  const all = Array.from({ length: 40 }, (_, n) => record(n))

  it('balance, and are what was asked for', () => {
    dir.write(file('a'), segment([all]))
    const from = all[7].ts_ms
    const to = all[15].ts_ms
    const tenant = all[1].tenant_id
    const wanted = all.filter((r) => r.ts_ms >= from && r.ts_ms < to && r.tenant_id === tenant)
    expect(wanted.length).toBeGreaterThan(3)
    const iso = new Date(from).toISOString()
    const { code, document } = dir.replay('--since', iso, '--until', String(to), '--tenant', tenant.toUpperCase())
    expect(code).toBe(0)
    const { decoded, inserted, duplicates, conflicts, alreadyInLedger, filteredOut } = document.records
    expect([decoded, inserted, filteredOut]).toEqual([40, wanted.length, 40 - wanted.length])
    expect(decoded).toBe(inserted + duplicates + conflicts + alreadyInLedger + filteredOut)
    expect(ids()).toEqual(wanted.map((r) => r.request_id).sort())
    expect(document.rollup).toBe('consistent')
    expect(dir.replay().document.records).toMatchObject({
      inserted: 40 - wanted.length,
      alreadyInLedger: wanted.length,
    })
  })

  it('are only planned by a dry run', () => {
    dir.write(file('a'), segment([all]))
    const content = readFileSync(join(dir.pods, file('a')))
    const { code, document } = dir.replay('--dry-run')
    expect([code, document.records.inserted]).toEqual([0, 0])
    expect(
      dir.sql("SELECT name FROM system.databases WHERE name = 'obleth'", "SHOW TABLES FROM system LIKE 'one'")[0],
    ).toEqual([])
    expect(readFileSync(join(dir.pods, file('a')))).toEqual(content)
    expect(readdirSync(join(dir.pods, 'a', SEGMENTS)).length).toBe(1)
  })

  it('that were staged are published by the next run without reading the sources again', () => {
    dir.write(file('a'), segment([all]))
    const staged = dir.replay('--stage-only')
    expect([staged.code, staged.document.records.inserted]).toEqual([0, 0])
    expect(dir.sql('SELECT count() AS n FROM obleth.usage')[0]).toEqual([{ n: '0' }])
    // Same name, size and time: only a run that reads the file again could see that it is another one.
    const path = join(dir.pods, file('a'))
    execFileSync('sh', [
      '-c',
      'cp -p "$1" "$1.was" && tr 0-9 x < "$1.was" > "$1" && touch -r "$1.was" "$1" && rm "$1.was"',
      '-',
      path,
    ])
    const { code, document } = dir.replay()
    expect([code, document.records.inserted, document.runId]).toEqual([0, 40, staged.document.runId])
    expect(ids()).toEqual(all.map((r) => r.request_id).sort())
  })

  it('that were staged are missed where the sources are gone before publishing', () => {
    dir.write(file('a'), segment([all]))
    expect(dir.replay('--stage-only').code).toBe(0)
    execFileSync('rm', ['-r', join(dir.pods, 'a')])
    const { code, document } = dir.replay()
    expect([code, document.error?.code]).toEqual([10, 'source_not_found'])
    expect(dir.sql('SELECT count() AS n FROM obleth.usage')[0]).toEqual([{ n: '0' }])
  })
})

describe('a ledger that the environment names', () => {
  it('is not spoken to where the command line says --embedded', async () => {
    let calls = 0
    const server = createServer((socket) => {
      calls++
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      dir.write(file('a'), segment([[record(0), record(1)]]))
      const env = { OBLETH_CLICKHOUSE_URL: url, OBLETH_CLICKHOUSE_PASSWORD: 'secret' }
      const { code, document, stderr } = dir.run(['replay', dir.pods], env)
      expect([code, document.target?.kind, document.records.inserted]).toEqual([0, 'embedded', 2])
      expect(JSON.stringify(document) + stderr).not.toContain('secret')
      // What had called would be waiting; the server hears of it only now, as the command was waited for.
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(calls).toBe(0)
    } finally {
      server.close()
    }
  })
})

describe('the command line', () => {
  it.each([
    [['replay']],
    [['replay', '.', '--no-such-option']],
    [['replay', '.', '--memory', 'much']],
    [['replay', '.', '--since', '2026-03-10 12:00']],
    [['replay', '.', '--tenant', 'acme']],
    [['replay', '.', '--expired', 'perhaps']],
    [['frobnicate']],
  ])('%j is refused', (args) => {
    const { code, document } = dir.run(args)
    expect(code).toBe(2)
    expect(['usage', 'config']).toContain(document.error?.code)
    expect(existsSync(dir.ledger)).toBe(false)
  })

  it.each([
    "INSERT INTO obleth.usage_meta (key, value) VALUES ('a', 'b')",
    "WITH y AS (SELECT 'a' AS k) INSERT INTO obleth.usage_meta (key, value) SELECT k, k FROM y FORMAT TSV",
    'SHOW TABLES FROM obleth; TRUNCATE TABLE obleth.usage',
    "SELECT 1 INTO/**/OUTFILE 'out.txt'",
    'ALTER TABLE obleth.usage DELETE WHERE 1',
  ])('query does not run %j', (sql) => {
    dir.write(file('a'), segment([[record(0), record(1)]]))
    expect(dir.replay().code).toBe(0)
    const [meta] = dir.sql('SELECT key, value FROM obleth.usage_meta ORDER BY key')
    const { code, document } = dir.run(['query', sql])
    expect([code, document.error?.code]).toEqual([2, 'usage'])
    expect(dir.sql('SELECT key, value FROM obleth.usage_meta ORDER BY key')[0]).toEqual(meta)
    expect(ids().length).toBe(2)
    expect(existsSync(join(dir.root, 'out.txt'))).toBe(false)
  })
})
