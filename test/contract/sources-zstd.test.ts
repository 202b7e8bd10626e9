import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { MOST_EXPANDED_BYTES } from '../../src/sources/allowance.js'
import { readFiles } from '../../src/sources/index.js'
import { find, read, segmentName, tarOf, tempFolder, write } from '../support/wal-tree.js'
import { noZstd, zstdOf } from '../support/zstd.js'

const SEGMENT = `telemetry.wal.segments/${segmentName(Date.UTC(2025, 5, 15, 12))}`
/** Lines that hardly compress, so that a cut at any place is a cut in the middle of something. */
function lines(count: number, seed: string): Buffer {
  const line = (n: number) => `${createHash('sha256').update(`${seed} ${n}`).digest('base64')}\n`
  return Buffer.from(Array.from({ length: count }, (_, n) => line(n)).join(''))
}

async function readOne(name: string, content: Buffer) {
  const folder = tempFolder()
  write(folder, { [name]: content })
  const [first] = await read((await find(join(folder, name))).files)
  return first
}

/** Programs that this process has started and that still run. */
function children(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')[1] === String(process.pid)
      } catch {
        return false
      }
    })
    .filter((pid) => readFileSync(`/proc/${pid}/comm`, 'latin1') === 'zstd\n')
}

describe.skipIf(noZstd !== null)('zstd', () => {
  const first = lines(6000, 'first')
  const second = lines(40, 'second')

  it.each([
    ['one frame', () => [zstdOf(first)]],
    ['several frames', () => [zstdOf(first), zstdOf(second)]],
    ['an empty frame between them', () => [zstdOf(first), zstdOf(Buffer.alloc(0)), zstdOf(second)]],
    ['without checksum, at its best', () => [zstdOf(first, '--no-check', '-19')]],
    ['a frame to be skipped', () => [Buffer.from('502a4d1803000000010203', 'hex'), zstdOf(first)]],
  ])('%s', async (name, pack) => {
    const parts = pack()
    const got = await readOne('a.jsonl.zst', Buffer.concat(parts))
    expect(got.problem).toBeNull()
    const whole = parts.length > 1 && !name.startsWith('a frame') ? Buffer.concat([first, second]) : first
    expect(got.bytes.equals(whole)).toBe(true)
  })

  it('cut anywhere: what is there is read, and the cut is told', async () => {
    const seam = zstdOf(first).length
    const whole = Buffer.concat([zstdOf(first), zstdOf(second)])
    const all = Buffer.concat([first, second])
    const cuts = [0, 1, 3, 4, 5, 100, seam - 1, seam, seam + 1, seam + 3, seam + 20, whole.length - 1]
    cuts.push(...Array.from({ length: 12 }, (_, i) => Math.floor((seam * (i + 1)) / 13)))
    const folder = tempFolder()
    for (const cut of cuts) write(folder, { [`${String(cut).padStart(6, '0')}.wal.zst`]: whole.subarray(0, cut) })
    let most = 0
    for (const { file, bytes, problem } of await read((await find(folder)).files)) {
      const cut = Number(file.path.slice(0, 6))
      expect(all.subarray(0, bytes.length).equals(bytes), file.path).toBe(true)
      expect(problem?.kind ?? null, file.path).toBe(cut === seam ? null : 'truncated_archive')
      if (cut >= seam) expect(bytes.length, file.path).toBeGreaterThanOrEqual(first.length)
      else most = Math.max(most, bytes.length)
    }
    expect(most).toBeGreaterThan(100_000)
  })

  it('damaged anywhere, or something else: nothing is thrown, and no damage passes', async () => {
    const whole = zstdOf(first)
    const folder = tempFolder()
    for (let i = 0; i < 24; i++) {
      const damaged = Buffer.from(whole)
      damaged[Math.floor((i * whole.length) / 24)] ^= 0x55
      write(folder, { [`${i}.wal.zst`]: damaged })
    }
    write(folder, { 'text.wal.zst': 'no zstd data\n', 'tail.wal.zst': Buffer.concat([whole, Buffer.from('garbage')]) })
    for (const { file, bytes, problem } of await read((await find(folder)).files)) {
      expect(problem?.kind, file.path).toMatch(/_archive$/)
      expect(problem?.reason, file.path).not.toContain('stdin')
      if (file.path === 'tail.wal.zst') expect(bytes.equals(first)).toBe(true)
    }
  })

  it('archives of it are read as they stand, cut ones as far as they go', async () => {
    const folder = tempFolder()
    const archive = await tarOf([
      { name: `a/${SEGMENT}`, content: first },
      { name: `a/${SEGMENT}.offset`, content: '45' },
      { name: 'b/telemetry.wal.zst', content: zstdOf(second) },
      { name: 'b/telemetry.wal.offset.zst', content: zstdOf(Buffer.from('90')) },
      { name: 'inner.tzst', content: zstdOf(await tarOf([{ name: `c/${SEGMENT}`, content: second }])) },
    ])
    const packed = zstdOf(archive)
    write(folder, { 'whole.tar.zst': packed, 'cut.tar.zst': packed.subarray(0, packed.length >> 1) })
    const { files, unreadable, pods } = await find(folder)
    expect(unreadable).toMatchObject([{ path: 'cut.tar.zst' }])
    expect(pods).toEqual(['a', 'b', 'c'])
    const got = await read(files)
    expect(got.map(({ file, problem }) => [file.path, problem?.kind ?? null])).toEqual([
      [`cut.tar.zst/a/${SEGMENT}`, 'truncated_archive'],
      [`whole.tar.zst/a/${SEGMENT}`, null],
      ['whole.tar.zst/b/telemetry.wal.zst', null],
      [`whole.tar.zst/inner.tzst/c/${SEGMENT}`, null],
    ])
    expect(got.slice(1).map(({ bytes }) => bytes.equals(first) || bytes.equals(second))).toEqual([true, true, true])
    expect(files.map(({ checkpoint }) => checkpoint.state)).toEqual(['none', 'at', 'at', 'none'])
    expect(files[2]).toMatchObject({ bytes: second.length, checkpoint: { offset: 90 } })
  })

  it('leaves no program behind when it is left early', async () => {
    const folder = tempFolder()
    write(folder, {
      'a.wal.zst': zstdOf(lines(100_000, 'long')),
      'b.tar.zst': zstdOf(
        await tarOf(['a', 'b'].map((pod) => ({ name: `${pod}/telemetry.wal`, content: lines(50_000, pod) }))),
      ),
    })
    const { files } = await find(folder)
    for await (const { chunks } of readFiles(files)) for await (const chunk of chunks) if (chunk.length > 0) break
    for await (const { file } of readFiles(files)) if (file.pod === 'a') break
    expect(children()).toEqual([])
  })

  it.each([
    ['gzip', '.gz', ['gzip', '-c']],
    ['zstd', '.zst', ['zstd', '-cq']],
  ])('a bomb of %s stops at the limit that the README names', async (_, ending, [program, ...options]) => {
    const folder = tempFolder()
    const bomb = join(folder, `bomb.wal${ending}`)
    const out = openSync(bomb, 'w')
    execFileSync('sh', ['-c', `head -c ${MOST_EXPANDED_BYTES + 2 ** 27} /dev/zero | ${program} ${options.join(' ')}`], {
      stdio: ['ignore', out, 'ignore'],
    })
    closeSync(out)
    const { files } = await find(folder)
    const before = process.memoryUsage.rss()
    let bytes = 0
    let grown = 0
    for await (const { chunks, problem } of readFiles(files)) {
      for await (const chunk of chunks) {
        bytes += chunk.length
        grown = Math.max(grown, process.memoryUsage.rss() - before)
      }
      expect(problem()).toMatchObject({ kind: 'corrupt_archive', reason: expect.stringContaining('expand') })
    }
    expect(bytes).toBeLessThanOrEqual(MOST_EXPANDED_BYTES)
    expect(bytes).toBeGreaterThan(MOST_EXPANDED_BYTES - 2 ** 20)
    expect(grown).toBeLessThan(200 << 20)
    expect(children()).toEqual([])
  })
})

describe('where the program zstd is missing', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('says so before anything is read, and names the package', async () => {
    const folder = tempFolder()
    write(folder, { 'a/telemetry.wal': 'x\n', 'b/telemetry.wal.zst': 'x', 'c.tar.zst': 'x' })
    vi.stubEnv('PATH', folder)
    const error = { code: 'config', hint: expect.stringContaining('Debian package zstd') }
    await expect(find(join(folder, 'b'))).rejects.toMatchObject(error)
    await expect(find(join(folder, 'c.tar.zst'))).rejects.toMatchObject(error)
    expect((await find(join(folder, 'a'))).files).toHaveLength(1)
  })
})
