import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { basename, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readFiles } from '../../src/sources/index.js'
import { contents, find, read, segmentName, tempFolder, write } from '../support/wal-tree.js'

const MS = Date.UTC(2025, 5, 15, 12)
const SEGMENT = segmentName(MS)
const SEGMENTS = 'telemetry.wal.segments'

describe('what an argument may be', () => {
  it.each([
    ['the folder above the pods', '.', 'pods/one', `pods/one/${SEGMENTS}/${SEGMENT}`],
    ['the folder of pods', 'pods', 'one', `one/${SEGMENTS}/${SEGMENT}`],
    ['the pod', 'pods/one', 'one', `${SEGMENTS}/${SEGMENT}`],
    ['the folder of segments', `pods/one/${SEGMENTS}`, 'one', SEGMENT],
    ['a segment', `pods/one/${SEGMENTS}/${SEGMENT}`, 'one', SEGMENT],
    ['the path that obleth was given, where only segments are left', 'pods/one/telemetry.wal', 'one', SEGMENT],
  ])('%s', async (_, argument, pod, path) => {
    const folder = tempFolder()
    write(folder, { [`pods/one/${SEGMENTS}/${SEGMENT}`]: 'content\n', [`pods/one/${SEGMENTS}/${SEGMENT}.offset`]: '3' })
    const { files } = await find(join(folder, argument))
    expect(files).toMatchObject([{ pod, kind: 'segment', createdMs: MS, checkpoint: { state: 'at', offset: 3 } }])
    expect(files[0].path.endsWith(path), files[0].path).toBe(true)
    expect((await read(files))[0].bytes.toString()).toBe('content\n')
  })

  it('a path relative to the working folder', async () => {
    const folder = tempFolder()
    write(folder, { 'pod/telemetry.wal': 'x\n' })
    expect((await find(relative(process.cwd(), folder))).pods).toEqual(['pod'])
  })

  it('a folder of segments that was copied under another name', async () => {
    const folder = tempFolder()
    write(folder, { [`router-0/${SEGMENT}`]: 'x\n', [`router-0/${SEGMENT}.offset`]: '2' })
    const { files } = await find(join(folder, 'router-0'))
    expect(files).toMatchObject([{ pod: 'router-0', kind: 'segment', createdMs: MS, candidateBatch: 0 }])
  })

  it('pods at any depth', async () => {
    const folder = tempFolder()
    const deep = Array.from({ length: 100 }, (_, level) => `level-${level}`).join('/')
    write(folder, { [`${deep}/telemetry.wal`]: 'deep\n', 'telemetry.wal': 'top\n' })
    const { pods } = await find(folder)
    expect(pods.sort()).toEqual([basename(folder), deep].sort())
  })

  it('a file of any name, where it is named', async () => {
    const folder = tempFolder()
    write(folder, { 'usage.backup': 'x\n', 'usage.backup.offset': '1' })
    const { files } = await find(join(folder, 'usage.backup'))
    expect(files).toMatchObject([{ kind: 'legacy', path: 'usage.backup', checkpoint: { state: 'at', offset: 1 } }])
  })

  it('a name full of pattern characters, taken as it stands', async () => {
    const folder = tempFolder()
    const names = ['pod (copy)', 'pod [2]', '{old}', 'a b', 'pod*', '!pod', '@(x|y)', 'back\\slash', 'pod?']
    for (const name of names) {
      write(folder, { [`${name}/telemetry.wal`]: `${name}\n`, [`not-${name}/telemetry.wal`]: 'other\n' })
      const { files, pods } = await find(join(folder, name))
      expect(pods).toEqual([name])
      expect(await contents(files)).toEqual({ 'telemetry.wal': `${name}\n` })
    }
    expect((await find(folder)).files).toHaveLength(2 * names.length)
  })

  it('a pattern, which a name with these characters in front of it does not hide', async () => {
    const folder = tempFolder()
    write(folder, { 'pod-1/telemetry.wal': '1\n', 'pod-2/telemetry.wal': '2\n', 'old/telemetry.wal': '3\n' })
    expect((await find(join(folder, 'pod-*'))).pods).toEqual(['pod-1', 'pod-2'])
    expect((await find(join(folder, 'pod-{1,3}'))).pods).toEqual(['pod-1'])
    expect((await find(join(folder, '**/*.wal'))).pods).toEqual(['old', 'pod-1', 'pod-2'])
  })

  it('a pattern that also matches sidecars and folders of segments', async () => {
    const folder = tempFolder()
    write(folder, {
      'telemetry.wal': 'legacy\n',
      'telemetry.wal.offset': '0',
      [`${SEGMENTS}/${SEGMENT}`]: 'segment\n',
      [`${SEGMENTS}/${SEGMENT}.offset`]: '4',
    })
    const { files } = await find(join(folder, '*'))
    expect(files.map(({ kind }) => kind)).toEqual(['legacy', 'segment'])
    expect(files.map(({ checkpoint }) => checkpoint)).toEqual([
      { state: 'at', offset: 0 },
      { state: 'at', offset: 4 },
    ])
  })

  it('what a shell makes of a star: sidecars among the arguments are no records', async () => {
    const folder = tempFolder()
    write(folder, { [`${SEGMENTS}/${SEGMENT}`]: 'segment\n', [`${SEGMENTS}/${SEGMENT}.offset`]: '4' })
    const all = readdirSync(join(folder, SEGMENTS)).map((name) => join(folder, SEGMENTS, name))
    const { files } = await find(...all)
    expect(files).toMatchObject([{ kind: 'segment', bytes: 8, checkpoint: { state: 'at', offset: 4 } }])
  })
})

describe('arguments that lead to nothing', () => {
  it.each([
    ['a path', (folder: string) => join(folder, 'missing')],
    ['a pattern', (folder: string) => join(folder, 'missing-*')],
    ['an empty folder', (folder: string) => join(folder, 'empty')],
    ['a folder of other things', (folder: string) => join(folder, 'other')],
  ])('%s', async (_, argument) => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'empty'))
    write(folder, { 'other/readme.md': '#\n', 'good/telemetry.wal': 'x\n' })
    const source = argument(folder)
    await expect(find(source)).rejects.toMatchObject({
      code: 'source_not_found',
      message: expect.stringContaining(basename(source)),
      hint: expect.stringMatching(/wal/i),
    })
    await expect(find(join(folder, 'good'), source)).rejects.toMatchObject({ code: 'source_not_found' })
  })

  it('names them with control characters made visible', async () => {
    const source = join(tempFolder(), 'a\u001b[2Jb\nc')
    const error: Error = await find(source).then(
      () => new Error('found'),
      (thrown) => thrown,
    )
    expect(error.message).toContain('a\\u{1b}')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(error.message).not.toMatch(/[\u0000-\u001f]/)
  })

  it('but a pod that has drained beside others is no mistake', async () => {
    const folder = tempFolder()
    write(folder, { 'busy/telemetry.wal': 'x\n' })
    mkdirSync(join(folder, `drained/${SEGMENTS}`), { recursive: true })
    const { files } = await find(join(folder, 'busy'), join(folder, 'drained'))
    expect(files.map(({ pod }) => pod)).toEqual(['busy'])
  })
})

describe('what counts as WAL within a folder', () => {
  it('goes by names, and by what stands beside them', async () => {
    const folder = tempFolder()
    const wal = [
      'a/telemetry.wal',
      'a/obleth-telemetry.wal',
      'a/usage.jsonl',
      'a/telemetry.wal.corrupt',
      'a/packed.wal.gz',
      // obleth takes any path for its WAL: what stands beside gives it away.
      'b/usage.log',
      'c/journal',
      `b/usage.log.segments/${SEGMENT}`,
      'a/odd.segments/not-obleths-own-name.jsonl',
    ]
    const others = ['a/readme.md', 'a/records.json', 'a/wal', 'a/telemetry.wal.offset.tmp', 'b/usage.txt']
    write(folder, Object.fromEntries([...wal, ...others].map((path) => [path, ''])))
    write(folder, { 'c/journal.offset': '0', 'a/telemetry.wal.offset': '0' })
    write(folder, { 'a/packed.wal.gz': Buffer.from('H4sIAAAAAAAAAwMAAAAAAAAAAAA=', 'base64') })
    expect((await find(folder)).files.map(({ path }) => path).sort()).toEqual(wal.sort())
  })

  it('names what looks like a WAL and cannot be read', async () => {
    const folder = tempFolder()
    write(folder, { 'a/telemetry.wal': 'x\n', [`a/${SEGMENTS}/${SEGMENT}.xz`]: '\xfd7zXZ' })
    const { files, unreadable } = await find(folder)
    expect(files).toHaveLength(1)
    expect(unreadable).toMatchObject([{ path: `a/${SEGMENTS}/${SEGMENT}.xz` }])
  })
})

describe('names', () => {
  it('may hold anything; what is no UTF-8 is shown percent-encoded', async () => {
    const folder = tempFolder()
    const put = (pod: Buffer, content: string) => {
      const at = Buffer.concat([Buffer.from(`${folder}/`), pod])
      mkdirSync(at)
      writeFileSync(Buffer.concat([at, Buffer.from('/telemetry.wal')]), content)
    }
    put(Buffer.from('with space'), '1')
    put(Buffer.from('with\nnewline'), '2')
    put(Buffer.from('🦀'), '3')
    put(Buffer.from('latin-\xe9 %', 'latin1'), '4')
    put(Buffer.from('latin-\xe8 %', 'latin1'), '5')
    put(Buffer.from('pct:plain'), '6')
    const { files, pods, unreadable } = await find(folder)
    expect(unreadable).toEqual([])
    expect(await contents(files)).toEqual({
      'with space/telemetry.wal': '1',
      'with\nnewline/telemetry.wal': '2',
      '🦀/telemetry.wal': '3',
      'pct:latin-%E9%20%25/telemetry.wal': '4',
      'pct:latin-%E8%20%25/telemetry.wal': '5',
      'pct:plain/telemetry.wal': '6',
    })
    expect(pods).toContain('pct:latin-%E9%20%25')
  })

  it('that are no UTF-8 keep their checkpoints', async () => {
    const folder = tempFolder()
    const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('\xff.jsonl', 'latin1')])
    writeFileSync(name, '123456')
    writeFileSync(Buffer.concat([name, Buffer.from('.offset')]), '4')
    expect((await find(folder)).files).toMatchObject([{ checkpoint: { state: 'at', offset: 4 } }])
  })
})

describe('one file under several names is read once', () => {
  it.each([
    ['the same argument twice', (folder: string) => [folder, folder]],
    ['a folder and one within it', (folder: string) => [folder, join(folder, 'pod')]],
    ['a folder within another and that one', (folder: string) => [join(folder, 'pod'), folder]],
    ['a file and its folder', (folder: string) => [join(folder, 'pod/telemetry.wal'), folder]],
    ['another spelling', (folder: string) => [folder, `${folder}/../${basename(folder)}/pod/`]],
  ])('%s', async (_, arguments_) => {
    const folder = tempFolder()
    write(folder, { 'pod/telemetry.wal': '12345\n', 'pod/telemetry.wal.offset': '2' })
    const { files } = await find(...arguments_(folder))
    expect(files).toMatchObject([{ pod: 'pod', index: 0, checkpoint: { state: 'at', offset: 2 } }])
  })

  it('by hard links, whose checkpoints may be one file as well', async () => {
    const folder = tempFolder()
    write(folder, { 'a/telemetry.wal': '12345\n', 'a/telemetry.wal.offset': '2', 'c/telemetry.wal': 'other\n' })
    mkdirSync(join(folder, 'b'))
    linkSync(join(folder, 'a/telemetry.wal'), join(folder, 'b/telemetry.wal'))
    linkSync(join(folder, 'a/telemetry.wal.offset'), join(folder, 'c/telemetry.wal.offset'))
    const { files } = await find(folder)
    expect(files.map(({ pod, checkpoint }) => [pod, checkpoint])).toEqual([
      ['a', { state: 'at', offset: 2 }],
      ['c', { state: 'at', offset: 2 }],
    ])
  })

  it('by links, and the real name is the one that is shown', async () => {
    const folder = tempFolder()
    write(folder, { 'z/telemetry.wal': 'x\n', 'y/telemetry.wal': 'y\n' })
    symlinkSync('z', join(folder, 'a-link'))
    symlinkSync('../z/telemetry.wal', join(folder, 'y/another.wal'))
    expect((await find(folder)).files.map(({ path }) => path)).toEqual(['y/telemetry.wal', 'z/telemetry.wal'])
  })

  it('but two copies are two files', async () => {
    const folder = tempFolder()
    write(folder, { 'copy-1/pod/telemetry.wal': 'x\n', 'copy-2/pod/telemetry.wal': 'x\n' })
    const { files, pods } = await find(join(folder, 'copy-1'), join(folder, 'copy-2'))
    expect(files.map(({ pod }) => pod)).toEqual(['pod', 'pod'])
    expect(new Set(files.map(({ candidateBatch }) => candidateBatch))).toEqual(new Set([1, 2]))
    expect(pods).toEqual(['pod'])
  })
})

describe('links', () => {
  it('to files and folders elsewhere are followed', async () => {
    const elsewhere = tempFolder()
    const folder = tempFolder()
    write(elsewhere, { 'pod/telemetry.wal': 'x\n', 'single.wal': 'y\n' })
    symlinkSync(join(elsewhere, 'pod'), join(folder, 'linked'))
    symlinkSync(join(elsewhere, 'single.wal'), join(folder, 'linked.wal'))
    expect(await contents((await find(folder)).files)).toEqual({ 'linked/telemetry.wal': 'x\n', 'linked.wal': 'y\n' })
  })

  it('that lead in circles, nowhere, or above the source end nothing and are noted', async () => {
    const above = tempFolder()
    const folder = join(above, 'source')
    write(above, { 'source/pod/telemetry.wal': 'x\n', 'not-asked-for/telemetry.wal': 'y\n' })
    symlinkSync('.', join(folder, 'pod/self'))
    symlinkSync('..', join(folder, 'pod/up'))
    symlinkSync('../..', join(folder, 'pod/out'))
    symlinkSync('eternal', join(folder, 'pod/eternal'))
    symlinkSync('missing', join(folder, 'pod/dangling.wal'))
    const { files, unreadable, warnings } = await find(folder)
    expect(files.map(({ path }) => path)).toEqual(['pod/telemetry.wal'])
    expect(unreadable).toEqual([])
    expect(warnings.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['pod/self', 'pod/up', 'pod/out', 'pod/eternal', 'pod/dangling.wal']),
    )
  })
})

describe('what is no file', () => {
  it('is never opened, and named', async () => {
    const folder = tempFolder()
    write(folder, { 'pod/telemetry.wal': 'x\n' })
    execFileSync('mkfifo', [join(folder, 'pod/fifo.wal'), join(folder, 'pod/fifo')])
    const server = createServer().listen(join(folder, 'pod/socket.jsonl'))
    try {
      await new Promise((resolve) => server.once('listening', resolve))
      const { files, warnings, unreadable } = await find(folder)
      expect(files.map(({ path }) => path)).toEqual(['pod/telemetry.wal'])
      expect(unreadable).toEqual([])
      const named = warnings.filter((warning) => warning.class === 'not_a_file').map(({ path }) => path)
      expect(named.sort()).toEqual(['pod/fifo', 'pod/fifo.wal', 'pod/socket.jsonl'])
    } finally {
      server.close()
    }
  })

  it('is not waited for when named itself, or as a link or a checkpoint', async () => {
    const folder = tempFolder()
    write(folder, { 'telemetry.wal': 'x\n' })
    execFileSync('mkfifo', [join(folder, 'fifo.wal'), join(folder, 'telemetry.wal.offset')])
    symlinkSync('/dev/zero', join(folder, 'zero.wal'))
    await expect(find(join(folder, 'fifo.wal'))).rejects.toMatchObject({ code: 'source_not_found' })
    for (const source of [folder, join(folder, 'telemetry.wal')]) {
      const { files } = await find(source)
      expect(files.map(({ path }) => path)).toEqual(['telemetry.wal'])
      expect(files[0].checkpoint.state).not.toBe('at')
    }
  })

  it('is not waited for where it took the place of a file', async () => {
    const folder = tempFolder()
    write(folder, { 'telemetry.wal': 'x\n' })
    const { files } = await find(folder)
    rmSync(join(folder, 'telemetry.wal'))
    execFileSync('mkfifo', [join(folder, 'telemetry.wal')])
    expect(await read(files)).toMatchObject([{ bytes: Buffer.alloc(0), problem: { kind: 'unreadable' } }])
  })
})

/** Runs with the rights of nobody; as whoever one is where one is not root. */
async function asNobody<T>(task: () => Promise<T>): Promise<T> {
  const root = process.getuid?.() === 0
  if (root) process.seteuid?.(65534)
  try {
    return await task()
  } finally {
    if (root) process.seteuid?.(0)
  }
}

describe('what may not be read', () => {
  it('is listed; the rest is read', async () => {
    const folder = tempFolder()
    chmodSync(folder, 0o755)
    write(folder, { 'a/telemetry.wal': 'a\n', 'b/telemetry.wal': 'b\n', 'c/telemetry.wal': 'c\n', 'd.tar': 'x' })
    chmodSync(join(folder, 'a/telemetry.wal'), 0)
    chmodSync(join(folder, 'b'), 0)
    chmodSync(join(folder, 'd.tar'), 0)
    const { files, unreadable } = await asNobody(() => find(folder))
    chmodSync(join(folder, 'b'), 0o755)
    expect(files.map(({ path }) => path)).toEqual(['c/telemetry.wal'])
    expect(unreadable.map(({ path }) => path).sort()).toEqual(['a/telemetry.wal', 'b', 'd.tar'])
    for (const { reason } of unreadable) expect(reason).toMatch(/permission/)
  })

  it('is told from what is not there, also where it is the only argument', async () => {
    const folder = tempFolder()
    chmodSync(folder, 0o755)
    write(folder, { 'shut/pod/telemetry.wal': 'x\n' })
    chmodSync(join(folder, 'shut'), 0)
    for (const source of [join(folder, 'shut'), join(folder, 'shut/pod')]) {
      const { files, unreadable } = await asNobody(() => find(source))
      expect(files).toEqual([])
      expect(unreadable).toMatchObject([{ reason: expect.stringMatching(/permission/) }])
    }
    chmodSync(join(folder, 'shut'), 0o755)
  })

  it('leaves a checkpoint unused', async () => {
    const folder = tempFolder()
    chmodSync(folder, 0o755)
    write(folder, { 'telemetry.wal': 'x\n', 'telemetry.wal.offset': '1' })
    chmodSync(join(folder, 'telemetry.wal.offset'), 0)
    const { files, warnings, unreadable } = await asNobody(() => find(folder))
    expect(files).toMatchObject([{ checkpoint: { state: 'unusable' }, candidateBatch: 0 }])
    expect(unreadable).toMatchObject([{ path: 'telemetry.wal.offset', reason: expect.stringMatching(/permission/) }])
    expect(warnings).toMatchObject([{ class: 'offset_unreadable', path: 'telemetry.wal.offset' }])
  })

  it('is noticed when it has become so since', async () => {
    const folder = tempFolder()
    chmodSync(folder, 0o755)
    write(folder, { 'telemetry.wal': 'x\n' })
    const { files } = await find(folder)
    chmodSync(join(folder, 'telemetry.wal'), 0)
    expect(await asNobody(() => read(files))).toMatchObject([{ problem: { kind: 'unreadable' } }])
  })
})

describe('checkpoints', () => {
  const unusable = (warning: string) => ({ state: 'unusable', warning })
  it.each([
    ['0', { state: 'at', offset: 0 }],
    ['10', { state: 'at', offset: 10 }],
    [' 7\n', { state: 'at', offset: 7 }],
    ['0007', { state: 'at', offset: 7 }],
    ['11', unusable('offset_beyond_eof')],
    ['18446744073709551615', unusable('offset_beyond_eof')],
    ['', unusable('offset_unreadable')],
    ['-1', unusable('offset_unreadable')],
    ['1e1', unusable('offset_unreadable')],
    ['7.5', unusable('offset_unreadable')],
    ['0x7', unusable('offset_unreadable')],
    ['7 8', unusable('offset_unreadable')],
    ['\0\0\0', unusable('offset_unreadable')],
    ['9'.repeat(100_000), unusable('offset_')],
  ])('%.20j', async (text, expected) => {
    const folder = tempFolder()
    write(folder, { 'telemetry.wal': '123456789\n', 'telemetry.wal.offset': text })
    const { files, warnings } = await find(folder)
    const { warning, ...checkpoint } = { warning: undefined, ...expected }
    expect(files[0].checkpoint).toMatchObject(checkpoint)
    expect(files[0].candidateBatch).toBe(expected.state === 'at' && checkpoint !== undefined && text !== '10' ? 1 : 0)
    if (warning === undefined) expect(warnings).toEqual([])
    else expect(warnings).toMatchObject([{ class: expect.stringContaining(warning), path: 'telemetry.wal.offset' }])
  })

  it('that are a folder', async () => {
    const folder = tempFolder()
    write(folder, { 'telemetry.wal': 'x\n' })
    mkdirSync(join(folder, 'telemetry.wal.offset'))
    expect((await find(folder)).files).toMatchObject([{ path: 'telemetry.wal' }])
  })

  it('of segments that are named one by one belong to one pod still', async () => {
    const folder = tempFolder()
    const names = [1, 2, 3].map((later) => `pod/${SEGMENTS}/${segmentName(MS + later)}`)
    write(folder, Object.fromEntries(names.map((name) => [name, 'content\n'])))
    const { files } = await find(...names.map((name) => join(folder, name)))
    expect(files.map(({ candidateBatch }) => candidateBatch)).toEqual([1, 0, 0])
  })
})

describe('files that change between being found and being read', () => {
  it('have vanished, shrunk, grown or been replaced', async () => {
    const folder = tempFolder()
    const names = ['gone', 'grown', 'longer', 'replaced', 'shrunk']
    write(folder, Object.fromEntries(names.map((name) => [`${name}.wal`, '0123456789'])))
    const { files } = await find(folder)
    rmSync(join(folder, 'gone.wal'))
    truncateSync(join(folder, 'shrunk.wal'), 4)
    appendFileSync(join(folder, 'grown.wal'), 'abc')
    appendFileSync(join(folder, 'longer.wal'), Buffer.alloc(5_000_000, 'x'))
    writeFileSync(join(folder, 'replaced.wal'), 'ABC')
    const got = await read(files)
    expect(got.map(({ file, problem, grown }) => [file.path, problem?.kind ?? null, grown])).toEqual([
      ['gone.wal', 'vanished', 0],
      ['grown.wal', null, 3],
      ['longer.wal', null, 5_000_000],
      ['replaced.wal', 'shrank', 0],
      ['shrunk.wal', 'shrank', 0],
    ])
    expect(got.map(({ bytes }) => bytes.subarray(0, 13).toString())).toEqual([
      '',
      '0123456789abc',
      '0123456789xxx',
      'ABC',
      '0123',
    ])
  })
})

describe('pods that look alive', () => {
  it('were written to just now, or were writing a checkpoint', async () => {
    const folder = tempFolder()
    const now = Date.now()
    const old = new Date(now - 3_600_000)
    write(folder, {
      [`writing/${SEGMENTS}/${segmentName(now - 20_000)}`]: 'x\n',
      [`saving/${SEGMENTS}/${SEGMENT}`]: 'x\n',
      [`saving/${SEGMENTS}/${SEGMENT}.offset.tmp`]: '1',
      [`quiet/${SEGMENTS}/${SEGMENT}`]: 'x\n',
      'legacy/telemetry.wal': 'x\n',
    })
    for (const path of [`saving/${SEGMENTS}/${SEGMENT}`, `quiet/${SEGMENTS}/${SEGMENT}`])
      utimesSync(join(folder, path), old, old)
    const { live } = await find(folder)
    expect(live.map(({ pod }) => pod).sort()).toEqual(['legacy', 'saving', 'writing'])
    for (const { reason } of live) expect(reason).not.toBe('')
  })

  it('are not those whose files were copied just now without their times', async () => {
    const folder = tempFolder()
    write(folder, { [`copied/${SEGMENTS}/${SEGMENT}`]: 'x\n', 'copied/telemetry.wal': 'x\n' })
    expect((await find(folder)).live).toEqual([])
  })
})

describe('reading', () => {
  it('gives back what it opened when it is left early', async () => {
    const folder = tempFolder()
    write(folder, Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i}.wal`, Buffer.alloc(3_000_000, 'x')])))
    const { files } = await find(folder)
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    for await (const { chunks } of readFiles(files)) {
      for await (const chunk of chunks) if (chunk.length > 0) break
    }
    for await (const { chunks } of readFiles(files)) for await (const chunk of chunks) if (chunk.length > 0) break
    expect(open()).toBe(before)
  })

  it('twice at once in one thread does not mix the files up', async () => {
    const folder = tempFolder()
    write(folder, { 'a/a.wal': Buffer.alloc(3_000_000, 'a'), 'b/b.wal': Buffer.alloc(3_000_000, 'b') })
    const seen = { a: 0, b: 0 }
    const readers = await Promise.all(
      (['a', 'b'] as const).map(async (name) => {
        for await (const { chunks } of readFiles((await find(join(folder, name))).files))
          return { name, chunks: chunks[Symbol.asyncIterator]() }
        throw new Error('nothing found')
      }),
    )
    for (let left = 2; left > 0; ) {
      const next = await Promise.all(readers.map(({ chunks }) => chunks.next()))
      for (const [i, { done, value }] of next.entries()) {
        if (done === true) left = 0
        else {
          expect(Buffer.from(value).toString('latin1')).toBe(readers[i].name.repeat(value.length))
          seen[readers[i].name] += value.length
        }
      }
    }
    expect(seen).toEqual({ a: 3_000_000, b: 3_000_000 })
  })

  it('ends when it is told to', async () => {
    const folder = tempFolder()
    write(folder, { 'a.wal': 'a\n', 'b.wal': 'b\n' })
    const { files } = await find(folder)
    const stop = new AbortController()
    const seen: string[] = []
    await expect(async () => {
      for await (const { file } of readFiles(files, stop.signal)) {
        seen.push(file.path)
        stop.abort()
      }
    }).rejects.toThrow()
    expect(seen).toEqual(['a.wal'])
  })
})
