import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createGzip, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readFiles } from '../../src/sources/index.js'
import { listArchive } from '../../src/sources/list-archive.js'
import { contents, find, read, segmentName, tarOf, tempFolder, write } from '../support/wal-tree.js'

const SEGMENT = `telemetry.wal.segments/${segmentName(Date.UTC(2025, 5, 15, 12))}`
/** Bytes that hardly compress, so that a cut at any place is a cut in the middle of something. */
function noise(bytes: number, seed: string): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; parts.length * 32 < bytes; i++) parts.push(createHash('sha256').update(`${seed} ${i}`).digest())
  return Buffer.concat(parts).subarray(0, bytes)
}

async function readOne(name: string, content: Buffer) {
  const folder = tempFolder()
  write(folder, { [name]: content })
  const [first] = await read((await find(join(folder, name))).files)
  return first
}

describe('gzip', () => {
  const first = noise(3000, 'first')
  const second = noise(2000, 'second')
  const both = Buffer.concat([first, second])
  const padding = Buffer.alloc(1000)

  it.each([
    ['one member', [gzipSync(both)]],
    ['several members', [gzipSync(first), gzipSync(second)]],
    ['an empty member between them', [gzipSync(first), gzipSync(''), gzipSync(second)]],
    ['zeros behind the last member', [gzipSync(both), padding]],
    ['zeros between members', [gzipSync(first), padding, gzipSync(second), padding]],
    ['stored, not compressed', [gzipSync(both, { level: 0 })]],
  ])('%s', async (_, parts) => {
    const got = await readOne('a.jsonl.gz', Buffer.concat(parts))
    expect(got.bytes.equals(both)).toBe(true)
    expect(got.problem).toBeNull()
  })

  it('with every optional field in its header', async () => {
    const [head, body] = [gzipSync(both).subarray(0, 10), gzipSync(both).subarray(10)]
    head[3] = 4 | 8 | 16
    const extra = Buffer.from([3, 0, 1, 2, 3])
    const got = await readOne('a.wal.gz', Buffer.concat([head, extra, Buffer.from('name\0comment\0'), body]))
    expect(got).toMatchObject({ problem: null })
    expect(got.bytes.equals(both)).toBe(true)
  })

  it('of several MiB, members larger than any buffer', async () => {
    const large = noise(5_000_000, 'large')
    const got = await readOne('a.wal.gz', Buffer.concat([gzipSync(large), gzipSync(large)]))
    expect(got.problem).toBeNull()
    expect(got.bytes.equals(Buffer.concat([large, large]))).toBe(true)
  })

  it('cut anywhere: what is there is read, and the cut is told', async () => {
    const content = Buffer.from('{"request_id":"1b671a64-40d5-491e-99b0-da01ff1f3341"}\n'.repeat(40))
    const whole = Buffer.concat([gzipSync(content), gzipSync(second)])
    const folder = tempFolder()
    const cuts = Array.from({ length: whole.length }, (_, at) => at).filter((at) => at < 400 || at % 61 === 0)
    const boundary = gzipSync(content).length
    for (const cut of cuts) write(folder, { [`${String(cut).padStart(6, '0')}.wal.gz`]: whole.subarray(0, cut) })
    const got = await read((await find(folder)).files)
    expect(got).toHaveLength(cuts.length)
    const all = Buffer.concat([content, second])
    for (const [i, { bytes, problem }] of got.entries()) {
      expect(all.subarray(0, bytes.length).equals(bytes), `cut at ${cuts[i]}`).toBe(true)
      if (cuts[i] >= boundary) expect(bytes.length).toBeGreaterThanOrEqual(content.length)
      expect(problem?.kind ?? null, `cut at ${cuts[i]}`).toBe(cuts[i] === boundary ? null : 'truncated_archive')
    }
  })

  it('cut late gives nearly all that it held', async () => {
    const large = noise(3_000_000, 'late')
    const whole = gzipSync(large)
    const got = await readOne('a.wal.gz', whole.subarray(0, whole.length - 100))
    expect(got.problem?.kind).toBe('truncated_archive')
    expect(got.bytes.length).toBeGreaterThan(large.length - 70_000)
    expect(large.subarray(0, got.bytes.length).equals(got.bytes)).toBe(true)
  })

  it('followed by something else: all of its content is read, and what follows is told', async () => {
    for (const garbage of ['garbage', '\0\0\0garbage', '\x1f\x8bx']) {
      const got = await readOne('a.wal.gz', Buffer.concat([gzipSync(both), Buffer.from(garbage, 'latin1')]))
      expect(got.bytes.equals(both), garbage).toBe(true)
      expect(got.problem, garbage).not.toBeNull()
    }
  })

  it('damaged anywhere: nothing is thrown, and no damage passes', async () => {
    const whole = gzipSync(first)
    const folder = tempFolder()
    const places = Array.from({ length: 60 }, (_, i) => 10 + Math.floor((i * (whole.length - 10)) / 60))
    for (const [i, place] of places.entries()) {
      const damaged = Buffer.from(whole)
      damaged[place] ^= 0x55
      write(folder, { [`${String(i).padStart(3, '0')}.wal.gz`]: damaged })
    }
    for (const { bytes, problem } of await read((await find(folder)).files))
      expect(problem !== null || bytes.equals(first)).toBe(true)
  })

  it('that is none, or is empty', async () => {
    expect((await readOne('a.wal.gz', Buffer.from('plain text\n'))).problem).not.toBeNull()
    expect((await readOne('a.wal.gz', Buffer.alloc(0))).problem?.kind).toBe('truncated_archive')
  })

  it('that blows up stays within bounded memory', async () => {
    const folder = tempFolder()
    const gzip = createGzip()
    const parts: Buffer[] = []
    gzip.on('data', (chunk: Buffer) => parts.push(chunk))
    const zeros = Buffer.alloc(1 << 20)
    for (let i = 0; i < 400; i++) await new Promise((resolve) => gzip.write(zeros, resolve))
    await new Promise((resolve) => gzip.on('end', resolve).end())
    write(folder, { 'bomb.wal.gz': Buffer.concat(parts) })
    const { files } = await find(folder)
    const before = process.memoryUsage.rss()
    let bytes = 0
    let most = 0
    for await (const { chunks } of readFiles(files))
      for await (const chunk of chunks) {
        bytes += chunk.length
        most = Math.max(most, process.memoryUsage.rss() - before)
      }
    expect(bytes).toBe(400 << 20)
    expect(most).toBeLessThan(200 << 20)
  })
})

describe.each([
  ['.tar', (archive: Buffer) => archive],
  ['.tar.gz', (archive: Buffer) => gzipSync(archive)],
] as const)('a cut %s', (ending, compress) => {
  it('gives what is there, and is named, wherever it is cut', async () => {
    const content = ['one', 'two', 'three'].map((name, i) => ({ name, bytes: noise(1500 + 400 * i, name) }))
    const archive = await tarOf(
      content.flatMap(({ name, bytes }) => [
        { name: `${name}/${SEGMENT}`, content: bytes },
        { name: `${name}/${SEGMENT}.offset`, content: '10' },
      ]),
    )
    // The last member ends here; behind it stand only padding and the end mark.
    const dataEnd = archive.length - 1024
    const stored = compress(archive)
    const folder = tempFolder()
    const step = ending === '.tar' ? 100 : 40
    for (let cut = step; cut < stored.length; cut += step) {
      write(folder, { [`pods${ending}`]: stored.subarray(0, cut) })
      const found = await find(folder).catch((error) => {
        expect(error).toMatchObject({ code: 'source_not_found' })
        return null
      })
      if (found === null) continue
      const got = await read(found.files)
      for (const { file, bytes } of got) {
        const whole = content.find(({ name }) => name === file.pod)?.bytes ?? Buffer.alloc(0)
        expect(whole.subarray(0, bytes.length).equals(bytes), `cut at ${cut}`).toBe(true)
      }
      for (const { bytes, problem, file } of got)
        if (problem === null) expect(bytes.length, `cut at ${cut}`).toBe(file.bytes)
        else expect(problem.kind).toBe('truncated_archive')
      const named = found.unreadable.some(({ path }) => path.startsWith(`pods${ending}`))
      if (ending === '.tar.gz' || cut < dataEnd + 512) expect(named, `cut at ${cut}`).toBe(true)
      if (ending === '.tar' && cut < dataEnd) {
        const read = got.reduce((sum, { bytes }) => sum + bytes.length, 0)
        // Headers, padding and sidecars take 2,048 bytes for each member and less than 512 more.
        expect(read, `cut at ${cut}`).toBeGreaterThanOrEqual(Math.min(cut - 2560 * got.length, 0))
      }
    }
  })
})

describe('tar', () => {
  it('cut within a member gives its first part and all members before', async () => {
    const folder = tempFolder()
    const archive = await tarOf(['a', 'b'].map((pod) => ({ name: `${pod}/telemetry.wal`, content: noise(3000, pod) })))
    write(folder, { 'pods.tar': archive.subarray(0, 512 + 3072 + 512 + 1234) })
    const found = await find(folder)
    expect(found.unreadable).toMatchObject([{ path: 'pods.tar' }])
    const got = await read(found.files)
    expect(got.map(({ bytes, problem }) => [bytes.length, problem?.kind])).toEqual([
      [3000, undefined],
      [1234, 'truncated_archive'],
    ])
    expect(got[1].bytes.equals(noise(3000, 'b').subarray(0, 1234))).toBe(true)
  })

  it('that ends without its mark behind content of zeros is cut all the same', async () => {
    const folder = tempFolder()
    const archive = await tarOf([{ name: 'a/telemetry.wal', content: Buffer.alloc(4096) }])
    write(folder, { 'pods.tar': archive.subarray(0, 512 + 4096) })
    const { files, unreadable } = await find(folder)
    expect(unreadable).toMatchObject([{ path: 'pods.tar' }])
    expect((await read(files))[0].bytes.length).toBe(4096)
  })

  it.each(['gnu', 'pax', 'ustar', 'v7', 'oldgnu'])('written by tar in the %s format', async (format) => {
    const folder = tempFolder()
    const long = format === 'v7' ? '' : `${'l'.repeat(60)}/${'m'.repeat(60)}/`
    const longest = format === 'gnu' || format === 'pax' || format === 'oldgnu' ? `${'n'.repeat(200)}/${long}` : long
    const paths = ['short/', long, longest].map((pod) => `${pod}telemetry.wal`)
    write(folder, Object.fromEntries(paths.map((path) => [`tree/${path}`, `${path}\n`])))
    execFileSync('tar', ['cf', join(folder, 'pods.tar'), `--format=${format}`, '-C', join(folder, 'tree'), '.'])
    rmSync(join(folder, 'tree'), { recursive: true })
    const { files, unreadable, warnings } = await find(folder)
    expect(unreadable).toEqual([])
    expect(warnings).toEqual([])
    expect(await contents(files)).toEqual(
      Object.fromEntries([...new Set(paths)].map((path) => [`pods.tar/${path}`, `${path}\n`])),
    )
  })

  it.each(['gnu', 'pax'])('holds names in any bytes, %s format', async (format) => {
    const folder = tempFolder()
    const put = (pod: string, content: string) => {
      const at = Buffer.from(`${folder}/tree/${pod}`, 'latin1')
      mkdirSync(at, { recursive: true })
      writeFileSync(Buffer.concat([at, Buffer.from('/telemetry.wal')]), content)
      writeFileSync(Buffer.concat([at, Buffer.from('/telemetry.wal.offset')]), '1')
    }
    put(Buffer.from('🦀').toString('latin1'), '1\n')
    put('latin-\xe9', '2\n')
    put('latin-\xe8', '3\n')
    put('new\nline', '4\n')
    put(`${'\xe9'.repeat(120)}`, '5\n')
    execFileSync('tar', ['cf', join(folder, 'pods.tar'), `--format=${format}`, '-C', join(folder, 'tree'), '.'])
    const { files } = await find(join(folder, 'pods.tar'))
    expect(Object.fromEntries((await read(files)).map(({ file, bytes }) => [file.pod, bytes.toString()]))).toEqual({
      '🦀': '1\n',
      'pct:latin-%E9': '2\n',
      'pct:latin-%E8': '3\n',
      'new\nline': '4\n',
      [`pct:${'%E9'.repeat(120)}`]: '5\n',
    })
    for (const { checkpoint } of files) expect(checkpoint).toEqual({ state: 'at', offset: 1 })
  })

  it('of one pod, packed from the place of its WAL: the archive names the pod', async () => {
    const folder = tempFolder()
    for (const pod of ['router-0', 'router-1'])
      write(folder, { [`${pod}.tgz`]: gzipSync(await tarOf([{ name: `var/lib/obleth/${SEGMENT}`, content: pod }])) })
    write(folder, { 'router-2.tar': await tarOf([{ name: `./${SEGMENT}`, content: 'x' }]) })
    expect((await find(folder)).pods).toEqual(['router-0', 'router-1', 'router-2'])
  })

  it('several joined, as tar --concatenate and cat leave them', async () => {
    const folder = tempFolder()
    const one = await tarOf([{ name: 'a/telemetry.wal', content: 'a\n' }])
    const two = await tarOf([{ name: 'b/telemetry.wal', content: 'b\n' }])
    write(folder, { 'pods.tar': Buffer.concat([one, two]) })
    const { files, unreadable } = await find(folder)
    expect(unreadable).toEqual([])
    expect(await contents(files)).toEqual({ 'pods.tar/a/telemetry.wal': 'a\n', 'pods.tar/b/telemetry.wal': 'b\n' })
  })

  it('with a member that was written again later: both are read', async () => {
    const folder = tempFolder()
    const members = ['first\n', 'second\n'].map((content) => ({ name: 'a/telemetry.wal', content }))
    write(folder, { 'pods.tar': await tarOf(members) })
    expect((await read((await find(folder)).files)).map(({ bytes }) => bytes.toString())).toEqual([
      'first\n',
      'second\n',
    ])
  })

  it('with names that point outside, links and devices: read as if inside, or passed over, and named', async () => {
    const folder = tempFolder()
    write(folder, {
      'pods.tar': await tarOf([
        { name: '/etc/telemetry.wal', content: 'absolute\n' },
        { name: '../../up/telemetry.wal', content: 'up\n' },
        { name: 'a/b/../../../../telemetry.wal', content: 'through\n' },
        { name: 'link.wal', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'hard.wal', type: 'link', linkname: '/etc/passwd' },
        { name: 'fifo.wal', type: 'fifo' },
        { name: 'disk.wal', type: 'block-device' },
        { name: 'kept/telemetry.wal', content: 'kept\n' },
      ]),
    })
    const { files, warnings } = await find(folder)
    const got = await read(files)
    expect(got.map(({ bytes }) => bytes.toString())).toEqual(['absolute\n', 'up\n', 'through\n', 'kept\n'])
    for (const { path, pod } of files) {
      expect(path).toMatch(/^pods\.tar\//)
      expect(`${path} ${pod}`).not.toMatch(/(^|\/)\.\.(\/|$)|\/\/| \//)
    }
    const named = (kind: string) => warnings.filter((warning) => warning.class === kind).map(({ path }) => path)
    expect(named('unsafe_name')).toHaveLength(3)
    expect(named('not_a_file')).toEqual(
      ['link.wal', 'hard.wal', 'fifo.wal', 'disk.wal'].map((name) => `pods.tar/${name}`),
    )
  })

  it('with sparse members: never read as something else', async () => {
    const folder = tempFolder()
    write(folder, { 'tree/a/telemetry.wal': 'x\n', 'tree/b/telemetry.wal': 'after\n' })
    truncateSync(join(folder, 'tree/a/telemetry.wal'), 4 << 20)
    for (const format of ['gnu', 'pax']) {
      const archive = join(folder, 'pods.tar')
      execFileSync('tar', ['cSf', archive, `--format=${format}`, '-C', join(folder, 'tree'), 'a', 'b'])
      const { files, unreadable } = await find(archive)
      expect(unreadable).toMatchObject([{ path: expect.stringMatching(/a\/telemetry\.wal$/) }])
      expect((await read(files)).map(({ bytes }) => bytes.toString())).toEqual(['after\n'])
    }
  })

  it('with archives in it: these are read in the same pass, their names no part of a pod', async () => {
    const folder = tempFolder()
    const wal = (pod: string, ms: number) => ({ name: `${pod}telemetry.wal.segments/${segmentName(ms)}`, content: pod })
    const inner = await tarOf([wal('a/', 1), { name: 'b.tgz', content: gzipSync(await tarOf([wal('./', 2)])) }])
    write(folder, {
      'outer.tar.gz': gzipSync(
        await tarOf([
          { name: 'eu/inner.tar', content: inner },
          wal('c/', 3),
          { name: '../cut.tar', content: (await tarOf([wal('d/', 4), wal('e/', 5)])).subarray(0, 1024) },
        ]),
      ),
    })
    const { files, pods, unreadable, warnings } = await find(folder)
    expect(pods).toEqual(['c', 'd', 'eu/a', 'eu/b'])
    expect(unreadable).toEqual([{ path: 'outer.tar.gz/cut.tar', reason: expect.stringContaining('end') }])
    expect(warnings).toMatchObject([{ class: 'unsafe_name', path: 'outer.tar.gz/cut.tar' }])
    const got = await read(files)
    expect(got.map(({ file, bytes, problem }) => [file.path.replace(/[^/]*$/, ''), bytes.toString(), problem])).toEqual(
      [
        ['outer.tar.gz/eu/inner.tar/a/telemetry.wal.segments/', 'a/', null],
        ['outer.tar.gz/eu/inner.tar/b.tgz/telemetry.wal.segments/', './', null],
        ['outer.tar.gz/c/telemetry.wal.segments/', 'c/', null],
        ['outer.tar.gz/cut.tar/d/telemetry.wal.segments/', 'd/', null],
      ],
    )
  })

  it('with archives in it, one in another too often: what is left out makes the run incomplete', async () => {
    const folder = tempFolder()
    let archive = await tarOf([{ name: 'deep/telemetry.wal', content: 'deep\n' }])
    for (let i = 0; i < 5; i++)
      archive = await tarOf([
        { name: 'inner.tar', content: archive },
        { name: `level-${i}/telemetry.wal`, content: 'x\n' },
      ])
    write(folder, { 'outer.tar': archive })
    const { files, unreadable } = await find(folder)
    expect(files).toHaveLength(5)
    expect(unreadable).toMatchObject([{ path: `outer.tar${'/inner.tar'.repeat(5)}` }])
    expect((await read(files)).map(({ bytes, problem }) => [bytes.toString(), problem])).toEqual(
      Array.from({ length: 5 }, () => ['x\n', null]),
    )
  })

  it('several of one pod are one pod, whatever they are called', async () => {
    const folder = tempFolder()
    const wal = (prefix: string, ms: number) =>
      tarOf([{ name: `${prefix}telemetry.wal.segments/${segmentName(ms)}`, content: 'x\n' }])
    write(folder, {
      'monday.tar': await wal('router-0/', 1),
      'tuesday.tar': await wal('router-0/', 2),
      'router-0.tgz': gzipSync(await wal('var/lib/obleth/', 3)),
      'router-1/telemetry.wal.tar': await wal('', 4),
      'router-1/wal-2.tar.gz': gzipSync(await wal('tmp/', 5)),
      [`router-1/${SEGMENT}`]: 'x\n',
    })
    const { pods, files } = await find(folder)
    expect(files).toHaveLength(6)
    expect(pods).toEqual(['router-0', 'router-1'])
    // Each was taken at a moment of its own: what it says of draining it says by itself.
    expect(files.map(({ candidateBatch }) => candidateBatch).sort()).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('is not read to its end where the run is to stop', async () => {
    const folder = tempFolder()
    write(folder, { 'pods.tar': await tarOf([{ name: 'a/telemetry.wal', content: noise(3_000_000, 'a') }]) })
    const signal = AbortSignal.abort()
    const archive = { path: Buffer.from('pods.tar'), role: 'archive' as const, bytes: null, storedBytes: 0 }
    const stored = { via: 'file' as const, path: Buffer.from(join(folder, 'pods.tar')) }
    const locator = { stored, compression: 'none' as const, members: [] }
    const listed = listArchive({ ...archive, modifiedMs: 0, version: '', locator }, folder, signal)
    await expect(listed).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('with a cut .gz in it', async () => {
    const folder = tempFolder()
    const packed = gzipSync(noise(5000, 'member'))
    write(folder, {
      'pods.tar': await tarOf([
        { name: 'a/telemetry.wal.gz', content: packed.subarray(0, 3000) },
        { name: 'b/telemetry.wal.gz', content: packed },
      ]),
    })
    const { files, unreadable } = await find(folder)
    expect(unreadable).toEqual([])
    const got = await read(files)
    expect(got.map(({ problem }) => problem?.kind ?? null)).toEqual(['truncated_archive', null])
    expect(got[1].bytes.equals(noise(5000, 'member'))).toBe(true)
  })

  it.each([
    ['noise', noise(5000, 'none')],
    ['an empty file', Buffer.alloc(0)],
    ['text', Buffer.from('not an archive\n'.repeat(100))],
  ])('that is none: %s', async (_, content) => {
    const folder = tempFolder()
    write(folder, { 'good/telemetry.wal': 'x\n', 'broken.tar': content, 'broken.tar.gz': content })
    const { files, unreadable } = await find(folder)
    expect(files.map(({ path }) => path)).toEqual(['good/telemetry.wal'])
    expect(unreadable.map(({ path }) => path).sort()).toEqual(['broken.tar', 'broken.tar.gz'])
  })

  it('given by a link and by its name is read once', async () => {
    const folder = tempFolder()
    write(folder, { 'pods.tar': await tarOf([{ name: 'a/telemetry.wal', content: 'x\n' }]) })
    symlinkSync('pods.tar', join(folder, 'again.tar'))
    expect((await find(folder, join(folder, 'pods.tar'))).files.map(({ path }) => path)).toEqual([
      'pods.tar/a/telemetry.wal',
    ])
  })

  it('gone or replaced between being listed and being read', async () => {
    const folder = tempFolder()
    const archive = join(folder, 'pods.tar')
    write(folder, { 'pods.tar': await tarOf([{ name: 'a/telemetry.wal', content: 'x\n' }]) })
    const { files } = await find(folder)
    truncateSync(archive, 100)
    expect((await read(files))[0]).toMatchObject({ bytes: Buffer.alloc(0), problem: { kind: 'truncated_archive' } })
    rmSync(archive)
    expect((await read(files))[0]).toMatchObject({ problem: { kind: 'vanished' } })
  })

  it('goes on to the next member when one is left early or not read at all', async () => {
    const folder = tempFolder()
    const pods = ['a', 'b', 'c']
    write(folder, {
      'pods.tgz': gzipSync(
        await tarOf(pods.map((pod) => ({ name: `${pod}/telemetry.wal`, content: noise(2_000_000, pod) }))),
      ),
    })
    const { files } = await find(folder)
    const seen: string[] = []
    for await (const { file, chunks } of readFiles(files)) {
      seen.push(file.pod)
      if (file.pod === 'a') for await (const chunk of chunks) if (chunk.length > 0) break
      if (file.pod === 'c') {
        const parts: Buffer[] = []
        for await (const chunk of chunks) parts.push(Buffer.from(chunk))
        expect(Buffer.concat(parts).equals(noise(2_000_000, 'c'))).toBe(true)
      }
    }
    expect(seen).toEqual(pods)
  })

  it('needs no more of an archive than what comes before the last wanted member', async () => {
    const folder = tempFolder()
    write(folder, {
      'pods.tar': await tarOf(['a', 'b', 'c'].map((pod) => ({ name: `${pod}/telemetry.wal`, content: `${pod}\n` }))),
    })
    const { files } = await find(folder)
    const before = readFileSync(join(folder, 'pods.tar'))
    truncateSync(join(folder, 'pods.tar'), 2 * 1024)
    expect(await read(files.slice(0, 1))).toMatchObject([{ problem: null, bytes: Buffer.from('a\n') }])
    expect((await read(files)).map(({ problem }) => problem?.kind ?? null)).toEqual([null, null, 'truncated_archive'])
    expect(before.length).toBeGreaterThan(2048)
  })
})
