import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Allowance, MOST_EXPANDED_BYTES, MOST_MEMBERS } from '../../src/sources/allowance.js'
import { archiveAt, listTar } from '../../src/sources/list-tar.js'
import { END_MARK, rawHeader, rawMember, rawPax } from '../support/raw-tar.js'
import { contents, find, read, tempFolder, write } from '../support/wal-tree.js'

const FIRST = rawMember('first/telemetry.wal', Buffer.from('first\n'))
const LAST = rawMember('last/telemetry.wal', Buffer.from('last\n'))

/** Finds what an archive gives whose hostile part stands behind a sound member, and reads it. */
async function found(...hostile: Buffer[]) {
  const folder = tempFolder()
  write(folder, { 'pods.tgz': gzipSync(Buffer.concat([FIRST, ...hostile, END_MARK])) })
  const discovery = await find(folder)
  return { ...discovery, contents: await contents(discovery.files) }
}

/** The archive is named with such a reason; what stands before is read, and nothing is made up. */
async function expectNamed(reason: RegExp, ...hostile: Buffer[]) {
  const { unreadable, contents } = await found(...hostile)
  expect(unreadable).toEqual([{ path: 'pods.tgz', reason: expect.stringMatching(reason) }])
  expect(contents).toEqual({ 'pods.tgz/first/telemetry.wal': 'first\n' })
}

describe('an archive that was made to do harm is named, and gives what stands before', () => {
  it.each([
    ['as a pax header', rawPax({ path: `${'a/'.repeat(100_000)}x.wal` })],
    ['as a GNU long name', rawMember('././@LongLink', Buffer.from(`${'a/'.repeat(100_000)}x.wal`), 'L')],
  ])('a name of a hundred thousand folders, %s', async (_, long) => {
    await expectNamed(/^a name of 2000\d\d bytes$/, long, LAST)
  })

  it('headers without end before a member', async () => {
    const some = rawPax({ comment: 'z'.repeat(30_000) })
    await expectNamed(/^headers of more than/, ...Array.from({ length: 50 }, () => some), LAST)
    await expectNamed(/^headers of more than/, rawHeader('PaxHeader', 2 ** 40, 'x'), LAST)
  })

  it.each(['-5', 'abc', '1e999', '2.5', '99999999999999999999', '0x10', ''])(
    'a pax header that says %j is a size',
    async (size) => {
      await expectNamed(/^a size that no file has$/, rawPax({ size }), LAST)
    },
  )

  it('a header whose size is none, negative, or beyond counting', async () => {
    const fields = [
      Buffer.alloc(12, 0xff),
      Buffer.from('zzzzzzzzzzz\0'),
      Buffer.from(`\x80${'\xff'.repeat(11)}`, 'latin1'),
    ]
    for (const field of fields) await expectNamed(/^not a header/, rawHeader('x.wal', 0, '0', field), LAST)
  })

  it('a member that claims more than there is', async () => {
    const { unreadable, files } = await found(
      rawHeader('x.wal', 0, '0', Buffer.from('77777777777\0')),
      Buffer.from('x\n'),
    )
    expect(unreadable).toMatchObject([{ path: 'pods.tgz' }])
    const got = await read(files)
    expect(got.map(({ problem }) => problem?.kind)).toEqual([undefined, 'truncated_archive'])
  })

  it('a damaged pax header: its member is not read under another name', async () => {
    await expectNamed(/^a pax header/, rawMember('PaxHeader', Buffer.from('99 path=elsewhere.wal\n'), 'x'), LAST)
  })
})

it('a file whose long name is cut behind a slash in its header is a file, a folder of the oldest tars a folder', async () => {
  const long = `${'d/'.repeat(60)}telemetry.wal`
  const { contents, unreadable } = await found(
    rawPax({ path: long }),
    rawMember(long.slice(0, 100), Buffer.from('pax\n')),
    rawMember('././@LongLink', Buffer.from(`e/${long}\0`), 'L'),
    rawMember(`e/${long}`.slice(0, 100), Buffer.from('gnu\n')),
    rawHeader('old.wal/', 0),
  )
  expect(unreadable).toEqual([])
  expect(contents).toEqual({
    'pods.tgz/first/telemetry.wal': 'first\n',
    [`pods.tgz/${long}`]: 'pax\n',
    [`pods.tgz/e/${long}`]: 'gnu\n',
  })
})

describe('what one stored file may cost', () => {
  const pods = [FIRST, rawMember('second/telemetry.wal', Buffer.from('second\n')), LAST]

  /** What an archive gives to one who has used up some of the allowance already. */
  async function listed(archive: Buffer, allowance: Allowance) {
    const stored = { via: 'file' as const, path: Buffer.from('/pods.tar') }
    const locator = { stored, compression: 'none' as const, members: [] }
    const at = archiveAt(Buffer.from('pods.tar'), Buffer.alloc(0))
    const bytes = (async function* () {
      yield archive
    })()
    const held = await listTar({ root: '/', at, locator, version: '', allowance }, bytes)
    return {
      files: held.flatMap(({ listing }) => listing.files.map(({ path }) => path.toString())),
      unreadable: held.flatMap(({ listing }) => listing.unreadable),
    }
  }

  it('members', async () => {
    const allowance = new Allowance()
    for (let n = 2; n < MOST_MEMBERS; n++) allowance.member(Buffer.alloc(0))
    const { files, unreadable } = await listed(Buffer.concat([...pods, END_MARK]), allowance)
    expect(files).toEqual(['first/telemetry.wal', 'second/telemetry.wal'])
    expect(unreadable).toMatchObject([{ path: 'pods.tar', reason: expect.stringContaining(String(MOST_MEMBERS)) }])
  })

  it('bytes of their names', async () => {
    const allowance = new Allowance()
    const long = Buffer.alloc(2 ** 24)
    for (let n = 0; n < 16; n++) allowance.member(long)
    expect(() => allowance.member(Buffer.from('x'))).toThrow(/bytes of names/)
  })

  it('archives within', async () => {
    const allowance = new Allowance()
    while (allowance.archive());
    const inner = gzipSync(Buffer.concat([FIRST, END_MARK]))
    const { files, unreadable } = await listed(Buffer.concat([rawMember('in.tgz', inner), LAST, END_MARK]), allowance)
    expect(files).toEqual(['last/telemetry.wal'])
    expect(unreadable).toMatchObject([{ path: 'pods.tar/in.tgz', reason: expect.stringContaining('unpack it') }])
  })

  it('bytes that all archives within expand to', async () => {
    const inner = gzipSync(Buffer.concat([FIRST, END_MARK]))
    const archive = Buffer.concat([rawMember('a.tgz', inner), rawMember('b.tgz', inner), END_MARK])
    const expanded = 2 * 512 + END_MARK.length
    const nearly = async (left: number) => {
      const allowance = new Allowance()
      allowance.expanded(MOST_EXPANDED_BYTES - left)
      return listed(archive, allowance)
    }
    expect((await nearly(2 * expanded)).unreadable).toEqual([])
    expect(await nearly(2 * expanded - 1)).toEqual({
      files: ['first/telemetry.wal'],
      unreadable: [{ path: 'pods.tar/b.tgz', reason: expect.stringContaining('no WAL') }],
    })
  })

  it('no more than 200 times its bytes, where these are many', async () => {
    const allowance = new Allowance()
    const stored = (async function* () {
      yield new Uint8Array(10_000_000)
    })()
    for await (const _ of allowance.counted(stored));
    allowance.expanded(2_000_000_000)
    expect(() => allowance.expanded(1)).toThrow(/no WAL/)
  })

  it('is no longer asked for where the run is to stop, in the middle of a stored byte', () => {
    const stop = new AbortController()
    const allowance = new Allowance(stop.signal)
    allowance.expanded(1)
    stop.abort()
    expect(() => allowance.expanded(1)).toThrow(expect.objectContaining({ name: 'AbortError' }))
  })
})
