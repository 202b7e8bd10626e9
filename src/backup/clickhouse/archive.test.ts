import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eachFile, packed, unpack } from './archive.js'
import { assertWhole, EngineList } from './engine-files.js'

let root: string
let folder: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'archive-'))
  folder = join(root, 'native')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const signal = new AbortController().signal
const entry = (name: string, size: number, more = '') =>
  `<file><name>${name}</name><size>${size}</size><checksum>ab</checksum>${more}</file>`
const listOf = (...entries: string[]) => `<config><version>1</version><contents>${entries.join('')}</contents></config>`

/** The folder of a native backup, as the engine (26.7) lays it out. */
function write(files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

const WHOLE = {
  '.backup': listOf(
    entry('data/o/usage/1_1_1_0/data.bin', 5),
    entry('data/o/usage/1_1_1_0/a&amp;b.bin', 3),
    entry('data/o/usage/2_2_2_0/data.bin', 5, '<data_file>data/o/usage/1_1_1_0/data.bin</data_file>'),
    entry('data/o/usage/1_1_1_0/empty', 0),
    entry('metadata/o/usage.sql', 6),
  ),
  'data/o/usage/1_1_1_0/data.bin': 'bytes',
  'data/o/usage/1_1_1_0/a&b.bin': 'abc',
  'metadata/o/usage.sql': 'CREATE',
}

describe('the folder of a native backup', () => {
  it('is whole where every file has the size of its list', async () => {
    write(WHOLE)
    expect([...(await assertWhole(folder))]).toEqual([
      ['data/o/usage/1_1_1_0/data.bin', 5],
      ['data/o/usage/1_1_1_0/a&b.bin', 3],
      ['metadata/o/usage.sql', 6],
    ])
  })

  it.each<[string, () => void]>([
    ['an empty file', () => truncateSync(join(folder, 'data/o/usage/1_1_1_0/data.bin'), 0)],
    ['a file missing', () => rmSync(join(folder, 'metadata/o/usage.sql'))],
    ['an empty list', () => truncateSync(join(folder, '.backup'), 0)],
    ['half a list', () => truncateSync(join(folder, '.backup'), 200)],
    ['no list', () => rmSync(join(folder, '.backup'))],
    ['a list that leads elsewhere', () => write({ '.backup': listOf(entry('../../etc/passwd', 5)) })],
    [
      'a list without sizes',
      () => write({ '.backup': '<config><contents><file><name>a</name></file></contents></config>' }),
    ],
  ])('with %s is not', async (_, spoil) => {
    write(WHOLE)
    spoil()
    await expect(assertWhole(folder)).rejects.toMatchObject({
      code: 'disk_full',
      hint: expect.stringMatching('TMPDIR'),
    })
  })

  it('has a list that can be cut anywhere', async () => {
    const bytes = Buffer.from(WHOLE['.backup'])
    for (let at = 0; at <= bytes.length; at++) {
      const list = new EngineList()
      for await (const _ of list.through(pieces(bytes.subarray(0, at), bytes.subarray(at))));
      expect(list.files().size).toBe(3)
    }
  })
})

async function* pieces(...all: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* all
}

describe('its archive', () => {
  const archive = async () => buffer(packed(folder, await assertWhole(folder)))
  const stored = (bytes: Uint8Array) => {
    const file = join(root, 'ledger.tar')
    writeFileSync(file, bytes)
    return file
  }
  const read = (bytes: Uint8Array) =>
    eachFile(stored(bytes), signal, async (_, content) => {
      for await (const _ of content);
    })

  it('gives the same files back, for this user alone', async () => {
    write(WHOLE)
    const target = join(root, 'unpacked')
    await unpack(stored(await archive()), target, 'alone', signal)
    for (const [path, content] of Object.entries(WHOLE)) expect(readFileSync(join(target, path), 'utf8')).toBe(content)
  })

  it('breaks off where a file changes while it is read', async () => {
    write(WHOLE)
    const files = await assertWhole(folder)
    write({ 'metadata/o/usage.sql': 'short' })
    await expect(buffer(packed(folder, files))).rejects.toThrow()
  })

  const tar = async (entries: readonly (readonly [name: string, content: string, type?: 'symlink'])[]) => {
    const made = pack()
    for (const [name, content, type] of entries)
      if (type === 'symlink') made.entry({ name, type, linkname: content })
      else made.entry({ name }, content)
    made.finalize()
    return buffer(made)
  }
  const list = ['.backup', listOf(entry('a', 1), entry('b', 2))] as const

  it.each<[string, Parameters<typeof tar>[0]]>([
    ['a file too few', [list, ['a', 'x']]],
    ['a file too many', [list, ['a', 'x'], ['b', 'xy'], ['c', 'x']]],
    ['a file twice', [list, ['a', 'x'], ['a', 'x'], ['b', 'xy']]],
    ['a file of another size', [list, ['a', 'xx'], ['b', 'xy']]],
    ['a path that leads elsewhere', [list, ['../a', 'x'], ['b', 'xy']]],
    ['a link', [list, ['a', '/etc/passwd', 'symlink'], ['b', 'xy']]],
    ['no list at its beginning', [['a', 'x'], list, ['b', 'xy']]],
    ['nothing in it', []],
  ])('with %s is another one', async (_, entries) => {
    await expect(read(await tar(entries))).rejects.toMatchObject({ code: 'verification_failed' })
  })

  it('that is cut is not read to its end in silence', async () => {
    write(WHOLE)
    const whole = await archive()
    for (const bytes of [600, 1200, whole.length - 1100])
      await expect(read(whole.subarray(0, bytes))).rejects.toMatchObject({ code: 'verification_failed' })
  })
})
