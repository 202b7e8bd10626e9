import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { discover, readFiles } from './index.js'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'obleth-archives-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `{"n":${from + n}}\n`).join('')

async function tarOf(tree: Record<string, string | Buffer>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(tree)) archive.entry({ name }, content)
  archive.finalize()
  const parts: Buffer[] = []
  for await (const part of archive) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

async function readAt(name: string, bytes?: Buffer) {
  if (bytes !== undefined) writeFileSync(join(dir, name), bytes)
  const found = await discover([join(dir, name)], {
    concurrency: 2,
    s3: { endpoint: undefined, pathStyle: false, timeoutMs: 5000 },
  })
  const got: { text: string; problem: string | undefined }[] = []
  for await (const { chunks, problem } of readFiles(found.files)) {
    const parts: Buffer[] = []
    for await (const chunk of chunks) parts.push(Buffer.from(chunk))
    got.push({ text: Buffer.concat(parts).toString('latin1'), problem: problem()?.kind })
  }
  return { found, got }
}

describe('gzip files', () => {
  const content = Buffer.concat(Array.from({ length: 1875 }, (_, n) => createHash('sha256').update(`${n}`).digest()))
  const whole = Buffer.concat([gzipSync(content.subarray(0, 20_000)), gzipSync(content.subarray(20_000))])
  const text = content.toString('latin1')

  it('cut anywhere: what is there is delivered, and the cut is told', async () => {
    let longest = 0
    const seam = gzipSync(content.subarray(0, 20_000)).length
    for (let cut = 0; cut < whole.length; cut += cut < 40 || cut > whole.length - 12 ? 1 : 997) {
      if (cut === seam) continue
      const [got] = (await readAt('t.wal.gz', whole.subarray(0, cut))).got
      expect(text.startsWith(got.text), `cut at ${cut}`).toBe(true)
      expect(got.problem, `cut at ${cut}`).toBe('truncated_archive')
      longest = Math.max(longest, got.text.length)
    }
    expect(longest).toBeGreaterThan(59_000)
  })

  it.each([
    ['text', Buffer.from('garbage'), 'corrupt_archive'],
    ['one byte', Buffer.from('g'), 'corrupt_archive'],
    ['zeros', Buffer.alloc(1000), undefined],
    ['zeros and text', Buffer.concat([Buffer.alloc(1000), Buffer.from('x')]), 'corrupt_archive'],
  ])('%s behind the members loses nothing of them', async (_, behind, problem) => {
    const [got] = (await readAt('t.wal.gz', Buffer.concat([whole, behind]))).got
    expect(got.text === text).toBe(true)
    expect(got.problem).toBe(problem)
  })

  it('a changed byte is never passed over', async () => {
    for (let at = 12; at < whole.length; at += 1501) {
      const bytes = Buffer.from(whole)
      bytes[at] ^= 0x10
      expect((await readAt('t.wal.gz', bytes)).got[0].problem, `byte ${at}`).toBeDefined()
    }
  })

  it('reads what expands a thousandfold', async () => {
    const [got] = (await readAt('t.wal.gz', gzipSync(Buffer.alloc(50_000_000, 'a')))).got
    expect([got.text.length, got.problem]).toEqual([50_000_000, undefined])
  })
})

describe('tar files', () => {
  it('cut at every block: never clean, also where the last file ends with zeros', async () => {
    const tree = { 'p/a.wal': lines(0, 100), 'p/b.wal': lines(100, 110), 'p/c.wal': Buffer.alloc(2048) }
    const whole = await tarOf(tree)
    const all = Object.values(tree).map((content) => Buffer.from(content).toString('latin1'))
    const end = whole.length - 1024
    for (let cut = 512; cut <= end; cut += 512)
      for (const extra of [0, 100]) {
        const { found, got } = await readAt('x.tar', whole.subarray(0, Math.min(end, cut + extra)))
        expect(found.unreadable, `cut at ${cut} + ${extra}`).toMatchObject([{ path: 'x.tar' }])
        got.forEach((file, n) => {
          expect(all[n].startsWith(file.text)).toBe(true)
          expect(file.problem).toBe(file.text === all[n] ? undefined : 'truncated_archive')
        })
        if (cut === end) expect(got.map((file) => file.text)).toEqual(all)
      }
    expect((await readAt('x.tar', whole)).found.unreadable).toEqual([])
  })

  it('compressed and cut: never clean, what decompresses is delivered', async () => {
    const packed = gzipSync(await tarOf({ 'p/a.wal': lines(0, 3000), 'p/b.wal': lines(3000, 9000) }))
    for (let cut = 30; cut < packed.length; cut += 1013) {
      const { found, got } = await readAt('x.tgz', packed.subarray(0, cut))
      expect(found.unreadable, `cut at ${cut}`).toHaveLength(1)
      if (got.length > 0) expect(lines(0, 3000).startsWith(got[0].text)).toBe(true)
    }
  })

  it.each(['gnu', 'pax'])('of the tar program keep names as bytes: %s', async (format) => {
    const folder = Buffer.concat([Buffer.from(join(dir, 'tree', `🦀 ${'x'.repeat(120)}`)), Buffer.from([0xff])])
    mkdirSync(join(dir, 'tree'))
    mkdirSync(folder)
    writeFileSync(Buffer.concat([folder, Buffer.from('/t.wal')]), lines(0, 3))
    const bytes = execFileSync('tar', [`--format=${format}`, '-c', '-C', join(dir, 'tree'), '.'])
    const fromTar = await readAt('x.tar', bytes)
    const fromFolder = await readAt('tree')
    expect(fromTar.found.pods).toEqual(fromFolder.found.pods)
    expect(fromTar.found.pods[0]).toMatch(/^pct:%F0%9F%A6%80%20x{120}%FF$/)
    expect(fromTar.got).toEqual([{ text: lines(0, 3), problem: undefined }])
  })
})

describe('checkpoints', () => {
  it('that are one file under several names all count', async () => {
    mkdirSync(join(dir, 'p'))
    for (const name of ['a', 'b']) writeFileSync(join(dir, 'p', `${name}.wal`), lines(0, 9))
    writeFileSync(join(dir, 'p/a.wal.offset'), '8')
    linkSync(join(dir, 'p/a.wal.offset'), join(dir, 'p/b.wal.offset'))
    const { found } = await readAt('p')
    expect(found.files.map(({ checkpoint }) => checkpoint)).toEqual(Array(2).fill({ state: 'at', offset: 8 }))
  })

  it('a FIFO in their place stops nothing', async () => {
    writeFileSync(join(dir, 't.wal'), lines(0, 2))
    execFileSync('mkfifo', [join(dir, 't.wal.offset')])
    const { found, got } = await readAt('t.wal')
    expect(found.unreadable).toMatchObject([{ path: 't.wal.offset' }])
    expect(found.warnings).toMatchObject([{ class: 'offset_unreadable', path: 't.wal.offset' }])
    expect(got).toEqual([{ text: lines(0, 2), problem: undefined }])
  })
})
