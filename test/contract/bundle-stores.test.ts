import { setMaxListeners } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { JOURNAL, LOCK, MANIFEST } from '../../src/collect/names.js'
import { openStore } from '../../src/collect/open-store.js'
import { receive } from '../../src/collect/receive.js'
import type { BundleStore } from '../../src/collect/store.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { AWS, tempFolder } from '../support/wal-tree.js'

Object.assign(process.env, CREDENTIALS)
const signal = new AbortController().signal
// As that of the command line.
setMaxListeners(0, signal)

/** A place with nothing in it, opened by as many as want to. */
interface Ground {
  open(): BundleStore
  /** Puts a file there behind the store's back. */
  plant(path: string, content: string): void
}

const KINDS: Record<string, () => Promise<Ground>> = {
  folder: async () => {
    const folder = join(tempFolder(), 'bundle')
    const options = { s3: AWS, stateDir: folder, concurrency: 4, bytesPerSecond: undefined }
    return {
      open: () => openStore(folder, options, signal),
      plant: (path, content) => writeFileSync(join(folder, path), content),
    }
  },
  s3: async () => {
    const server = await S3Server.start()
    const options = { s3: server.options(), stateDir: tempFolder(), concurrency: 4, bytesPerSecond: undefined }
    return {
      open: () => openStore(`s3://${server.bucket}/a bundle+`, options, signal),
      plant: (path, content) => server.put({ [`a bundle+/${path}`]: content }),
    }
  },
}

async function* pieces(...contents: string[]) {
  for (const content of contents) yield Buffer.from(content)
}

async function contents(store: BundleStore): Promise<Record<string, string>> {
  const all: Record<string, string> = {}
  for (const [path, kept] of await store.list()) {
    all[path] = await text(store.read(path, kept))
    expect(kept.bytes).toBe(Buffer.byteLength(all[path]))
  }
  delete all[LOCK]
  return all
}

describe.each(Object.keys(KINDS))('a bundle in a %s', (kind) => {
  it('is nothing before anything is written, and no bundle', async () => {
    const store = (await KINDS[kind]()).open()
    expect([await store.isBundle(), await store.list()]).toEqual([false, new Map()])
    expect(await store.journalText()).toBe(null)
  })

  it('holds what was put there, by any path, and what took its place', async () => {
    const store = (await KINDS[kind]()).open()
    const lock = await store.lock(false)
    const put = async (path: string, content: string, before: Parameters<BundleStore['put']>[2]) =>
      store.put(await receive(store.spool, pieces(content.slice(0, 3), content.slice(3))), path, before)
    await put('pod/telemetry.wal', 'one\n', null)
    const paths = ['pod/ünï 🦀/a+b.jsonl', ' /x', 'a%2Fb', '-', 'pod/telemetry.wal.segments/1.jsonl']
    for (const path of paths) await put(path, path, null)
    await put('empty', '', null)
    await put('pod/telemetry.wal', 'one\ntwo\n', (await store.list()).get('pod/telemetry.wal') ?? null)
    await store.write('pod/telemetry.wal.offset', '4')
    await store.write('pod/telemetry.wal.offset', '8')
    const expected = Object.fromEntries(paths.map((path) => [path, path]))
    expect(await contents(store)).toEqual({
      ...expected,
      empty: '',
      'pod/telemetry.wal': 'one\ntwo\n',
      'pod/telemetry.wal.offset': '8',
    })
    await lock.release()
    expect((await store.list()).has(LOCK)).toBe(false)
  })

  it('never loses what somebody else put there meanwhile', async () => {
    const ground = await KINDS[kind]()
    const store = ground.open()
    await store.lock(false)
    const content = () => receive(store.spool, pieces('ours'))
    ground.plant('new', 'of another')
    await expect(store.put(await content(), 'new', null)).rejects.toMatchObject({ code: 'refused' })
    const before = await store.put(await content(), 'grown', null)
    ground.plant('grown', 'longer by now')
    await expect(store.put(await content(), 'grown', before)).rejects.toMatchObject({ code: 'refused' })
    await store.write(MANIFEST, '{}', null)
    await expect(store.write(MANIFEST, '{ }', null)).rejects.toMatchObject({ code: 'refused' })
    const all = await contents(store)
    expect([all.new, all.grown, all[MANIFEST]]).toEqual(['of another', 'longer by now', '{}'])
  })

  it('is half made from the first word of the journal to its end, and tells all of it', async () => {
    const ground = await KINDS[kind]()
    const store = ground.open()
    await store.lock(false)
    await store.journalAppend('')
    expect([await store.isBundle(), await store.journalText()]).toEqual([true, ''])
    for (let n = 0; n < 12; n++) await store.journalAppend(`${n}\n`)
    const again = ground.open()
    await again.journalAppend('and on\n')
    expect(await again.journalText()).toBe('0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\nand on\n')
    expect((await again.list()).has(JOURNAL)).toBe(true)
    await again.write(MANIFEST, '{}', null)
    await again.journalEnd()
    expect(await again.journalText()).toBe(null)
    expect([...(await again.list()).keys()].filter((path) => path.startsWith(JOURNAL))).toEqual([])
    expect(await again.isBundle()).toBe(true)
    await again.journalAppend('anew')
    expect(await again.journalText()).toBe('anew')
  })

  it('is written to by one process at a time', async () => {
    const ground = await KINDS[kind]()
    const lock = await ground.open().lock(false)
    await expect(ground.open().lock(false)).rejects.toMatchObject({ code: 'target_locked' })
    await lock.assertHeld()
    await lock.release()
    await (await ground.open().lock(false)).release()
  })

  it('is taken over from a process that is gone, and by hand from one that cannot be seen', async () => {
    const ground = await KINDS[kind]()
    await (await ground.open().lock(false)).release()
    // A process of this machine that has ended; and one of another machine.
    const { hostname } = await import('node:os')
    ground.plant(LOCK, `999999999 1 ${hostname()}\n`)
    await (await ground.open().lock(false)).release()
    ground.plant(LOCK, '1 1 another-host\n')
    await expect(ground.open().lock(false)).rejects.toMatchObject({ code: 'target_locked' })
    await (await ground.open().lock(true)).release()
  })
})
