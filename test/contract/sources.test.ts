import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { S3Options } from '../../src/domain/options.js'
import type { Checkpoint, WalFileKind } from '../../src/domain/wal.js'
import { discover } from '../../src/sources/index.js'
import { openStored, releasePlaces } from '../../src/sources/places.js'
import { noBusybox, Pods } from '../support/pods/index.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { AWS, find, read, segmentName, tarOf, tempFolder, write } from '../support/wal-tree.js'
import { noZstd, zstdOf } from '../support/zstd.js'

// One suite for every kind of source: the same tree, held in different ways, gives the same files, bytes and evidence.
// A kind that is added to src/sources/places.ts is added to HOLDERS.

interface Expected {
  readonly path: string
  readonly pod: string
  readonly kind: WalFileKind
  readonly createdMs: number | null
  readonly content: Buffer
  readonly checkpoint: Checkpoint['state'] | number
  readonly candidate: boolean
}

Object.assign(process.env, CREDENTIALS)

const JUNE = Date.UTC(2025, 5, 15, 12)
const lines = (count: number, mark: string) => Buffer.from(`${mark.repeat(9)}\n`.repeat(count))
const noise = Buffer.from(Array.from({ length: 3_500_000 }, (_, i) => 32 + ((i * 2654435761) >>> 25)))

function segment(pod: string, ms: number, content: Buffer, checkpoint: Expected['checkpoint'], candidate: boolean) {
  const path = `${pod}/telemetry.wal.segments/${segmentName(ms)}`
  return { path, pod, kind: 'segment' as const, createdMs: ms, content, checkpoint, candidate }
}

// Candidates follow from the order in which obleth drains a pod: legacy first, then segments by name.
const EXPECTED: Expected[] = [
  // Wholly acknowledged, so the first segment is where draining stood.
  {
    path: 'gateway-a/telemetry.wal',
    pod: 'gateway-a',
    kind: 'legacy',
    createdMs: null,
    content: lines(5, 'a'),
    checkpoint: 50,
    candidate: false,
  },
  segment('gateway-a', JUNE, lines(9, 'b'), 40, true),
  segment('gateway-a', JUNE + 60_000, noise, 'none', false),
  {
    ...segment('gateway-a', JUNE - 60_000, lines(2, 'c'), 'none', false),
    path: `gateway-a/telemetry.wal.segments/${segmentName(JUNE - 60_000)}.corrupt`,
    kind: 'corrupt',
  },
  // Nothing acknowledged: the first batch of the first file; a checkpoint in a later file counts as well.
  segment('eu/west 1/gateway (b)', JUNE + 1, lines(3, 'd'), 'none', true),
  segment('eu/west 1/gateway (b)', JUNE + 2, lines(4, 'e'), 10, true),
  segment('eu/west 1/gateway (b)', JUNE + 3, Buffer.alloc(0), 'none', false),
  // A checkpoint beyond the end says nothing, nor about the files behind it.
  segment('gateway-🦀\nnew', JUNE + 4, lines(3, 'f'), 'unusable', false),
  segment('gateway-🦀\nnew', JUNE + 5, lines(3, 'g'), 'none', false),
]

const TREE: Record<string, Buffer> = Object.fromEntries(
  EXPECTED.flatMap(({ path, content, checkpoint }) => {
    const offset = checkpoint === 'unusable' ? 999_999 : checkpoint
    const files: [string, Buffer][] = [[path, content]]
    if (typeof offset === 'number') files.push([`${path}.offset`, Buffer.from(String(offset))])
    return files
  }).concat([
    // A moved file's own checkpoint, and one that was being written: no evidence.
    [`gateway-a/telemetry.wal.segments/${segmentName(JUNE - 60_000)}.corrupt.offset`, Buffer.from('20')],
    [`gateway-a/telemetry.wal.segments/${segmentName(JUNE)}.offset.tmp`, Buffer.from('9')],
    ['gateway-a/notes.txt', Buffer.from('nothing to read\n')],
  ]),
)

type Packer = (content: Buffer) => Buffer
const packed = (ending: string, pack: Packer, all: boolean) =>
  Object.fromEntries(
    Object.entries(TREE).map(([path, content]) =>
      all || /\.(jsonl|wal|corrupt)$/.test(path) ? [`${path}${ending}`, pack(content)] : [path, content],
    ),
  )
const zipped = (all: boolean) => packed('.gz', gzipSync, all)
const entries = (tree: Record<string, Buffer>) =>
  Object.entries(tree).map(([name, content]) => ({ name, content, mtime: new Date(JUNE) }))

/** Keys of an object store, where nobody ever walked a folder. */
async function bucketOf(objects: Record<string, Buffer>, prefix: string): Promise<Source> {
  const store = await S3Server.start()
  store.put(objects, prefix)
  // Beside the prefix that is asked for.
  if (prefix !== '') store.put({ [`${prefix.replace(/\/$/, '')}-other/telemetry.wal`]: 'not asked for\n' })
  return { argument: `s3://${store.bucket}/${prefix}`, s3: store.options() }
}

const WITHIN = '/var/lib/obleth/wal trees'

/** File systems that only commands run in them can read. */
function podsWith(path: string, tree: Record<string, Buffer>, tools: 'tools' | 'busybox' = 'tools'): void {
  const pods = Pods.start()
  for (const add of ['pod', 'container', 'volume'] as const) pods[add]({ name: `${add}-0`, tools })
  for (const name of ['pod-0', 'container-0', 'volume-0'])
    pods.write(name, Object.fromEntries(Object.entries(tree).map(([file, content]) => [`${path}/${file}`, content])))
  vi.stubEnv('PATH', pods.env.PATH)
  onTestFinished(() => void vi.unstubAllEnvs())
}

/** A source argument, with the store that it is about, and the pod whose name stands before the folders'. */
type Source = string | { readonly argument: string; readonly s3?: S3Options; readonly within?: string }
type Holder = (folder: string) => Promise<Source> | Source

const findHeld = (source: Source) =>
  typeof source === 'string' ? find(source) : discover([source.argument], { concurrency: 4, s3: source.s3 ?? AWS })

/** Puts the tree below a folder, or in a bucket. */
const HOLDERS: Record<string, Holder> = {
  'a folder': (folder) => {
    write(folder, TREE)
    return folder
  },
  'a folder of .gz files': (folder) => {
    write(folder, zipped(false))
    return folder
  },
  'a folder compressed with gzip -r, checkpoints included': (folder) => {
    write(folder, zipped(true))
    return folder
  },
  'a pattern': (folder) => {
    write(folder, { ...TREE, 'other/telemetry.wal': 'not matched\n' })
    return join(folder, '{gateway-*,eu}')
  },
  'a .tar': async (folder) => {
    writeFileSync(join(folder, 'pods.tar'), await tarOf(entries(TREE)))
    return join(folder, 'pods.tar')
  },
  'a .tar.gz': async (folder) => {
    writeFileSync(join(folder, 'pods.tar.gz'), gzipSync(await tarOf(entries(TREE))))
    return join(folder, 'pods.tar.gz')
  },
  'a .tgz within a folder': async (folder) => {
    write(folder, { 'backup.tgz': gzipSync(await tarOf(entries(TREE))) })
    return folder
  },
  'a .tar in a .tar.gz': async (folder) => {
    const inner = await tarOf(entries(TREE))
    writeFileSync(join(folder, 'pods.tgz'), gzipSync(await tarOf([{ name: 'pods.tar', content: inner }])))
    return join(folder, 'pods.tgz')
  },
  'a prefix of a bucket': () => bucketOf(TREE, 'backups/2026 05/'),
  'a bucket of .gz objects, checkpoints included': () => bucketOf(zipped(true), ''),
  'a .tar.gz in a bucket': async () => bucketOf({ 'pods.tar.gz': gzipSync(await tarOf(entries(TREE))) }, 'x/'),
  'a pod': () => {
    podsWith(WITHIN, TREE)
    return { argument: `k8s://obleth/pod/pod-0?path=${WITHIN}`, within: 'pod-0' }
  },
  'a container of .gz files, checkpoints included': () => {
    podsWith(WITHIN, zipped(true))
    return { argument: `podman://container-0${WITHIN}`, within: 'container-0' }
  },
  'a volume': () => {
    podsWith('/volume', TREE)
    return 'docker-volume://volume-0'
  },
  'a .tar.gz in a volume': async () => {
    podsWith('/volume', { 'x/pods.tar.gz': gzipSync(await tarOf(entries(TREE))) })
    return 'podman-volume://volume-0/x'
  },
  'a .tar of .gz files': async (folder) => {
    writeFileSync(join(folder, 'pods.tar'), await tarOf(entries(zipped(false))))
    return join(folder, 'pods.tar')
  },
}

if (noBusybox === null)
  HOLDERS['a container that has busybox alone'] = () => {
    podsWith(WITHIN, TREE, 'busybox')
    return { argument: `docker://container-0${WITHIN}`, within: 'container-0' }
  }

if (noZstd === null)
  Object.assign(HOLDERS, {
    'a folder of .zst files': (folder: string) => {
      write(folder, packed('.zst', zstdOf, false))
      return folder
    },
    'a folder compressed with zstd -r, checkpoints included': (folder: string) => {
      write(folder, packed('.zst', zstdOf, true))
      return folder
    },
    'a .tar.zst': async (folder: string) => {
      writeFileSync(join(folder, 'pods.tar.zst'), zstdOf(await tarOf(entries(TREE))))
      return join(folder, 'pods.tar.zst')
    },
    'a .tar.gz of .zst files': async (folder: string) => {
      writeFileSync(join(folder, 'pods.tar.gz'), gzipSync(await tarOf(entries(packed('.zst', zstdOf, false)))))
      return join(folder, 'pods.tar.gz')
    },
    'a bucket of .zst objects': () => bucketOf(packed('.zst', zstdOf, false), 'packed//'),
  } satisfies typeof HOLDERS)

const plain = (path: string) => path.replace(/\.(gz|zst)$/, '')

describe.each(Object.entries(HOLDERS))('%s', (name, hold) => {
  const isPattern = name === 'a pattern'

  it('gives the files of the tree, with their pods, kinds and times', async () => {
    const source = await hold(tempFolder())
    const found = await findHeld(source)
    const within = typeof source === 'object' && source.within !== undefined ? `${source.within}/` : ''
    expect(found.unreadable).toEqual([])
    expect(found.files).toHaveLength(EXPECTED.length)
    expect(found.files.map(({ index }) => index)).toEqual(EXPECTED.map((_, at) => at))
    for (const { path, pod, kind, createdMs, content } of EXPECTED) {
      const file = found.files.find((candidate) =>
        isPattern
          ? path.endsWith(candidate.path) && path.includes(candidate.pod)
          : plain(candidate.path).endsWith(path),
      )
      expect(file, path).toMatchObject({ kind, createdMs })
      if (!isPattern) expect(file?.pod).toBe(`${within}${pod}`)
      expect([null, content.length], path).toContain(file?.bytes)
    }
    if (!isPattern) expect(found.pods).toEqual([...new Set(EXPECTED.map(({ pod }) => `${within}${pod}`))].sort())
  })

  it('gives their bytes', async () => {
    const got = await read((await findHeld(await hold(tempFolder()))).files)
    expect(got.map(({ problem, grown }) => ({ problem, grown }))).toEqual(
      EXPECTED.map(() => ({ problem: null, grown: 0 })),
    )
    const sorted = (contents: Buffer[]) => contents.map((content) => content.toString('latin1')).sort()
    expect(sorted(got.map(({ bytes }) => bytes))).toEqual(sorted(EXPECTED.map(({ content }) => content)))
    for (const { path, content } of EXPECTED)
      expect(
        got.filter(
          ({ file, bytes }) => path.endsWith(plain(file.path).split('/').at(-1) ?? '') && bytes.equals(content),
        ).length,
        path,
      ).toBeGreaterThan(0)
  })

  it('opens stored bytes at any offset', async () => {
    const { files } = await findHeld(await hold(tempFolder()))
    for (const stored of new Set(files.map(({ locator }) => locator.stored))) {
      const bytesFrom = async (offset: number) => {
        const parts: Buffer[] = []
        for await (const chunk of openStored(stored, offset)) parts.push(Buffer.from(chunk))
        return Buffer.concat(parts)
      }
      const whole = await bytesFrom(0)
      for (const offset of [1, whole.length >> 1, whole.length, whole.length + 1])
        expect((await bytesFrom(offset)).equals(whole.subarray(offset)), `from ${offset}`).toBe(true)
    }
    releasePlaces(new Error('the test is over'))
  })

  it('gives the checkpoints, and numbers the batches that may lack theirs', async () => {
    const { files, warnings } = await findHeld(await hold(tempFolder()))
    const numbers = files.map(({ candidateBatch }) => candidateBatch).filter((number) => number > 0)
    expect([...numbers].sort()).toEqual([1, 2, 3])
    for (const { path, checkpoint, candidate } of EXPECTED) {
      const file = files.find((one) => plain(one.path).split('/').at(-1) === path.split('/').at(-1))
      const expected = typeof checkpoint === 'number' ? { state: 'at', offset: checkpoint } : { state: checkpoint }
      expect(file?.checkpoint, path).toMatchObject(expected)
      expect((file?.candidateBatch ?? -1) > 0, path).toBe(candidate)
    }
    expect(warnings.filter((warning) => warning.class.startsWith('offset_'))).toMatchObject([
      { class: 'offset_beyond_eof', path: expect.stringContaining(segmentName(JUNE + 4)) },
    ])
  })
})

describe('the order of reading', () => {
  it('is by time across pods, legacy files first', async () => {
    const folder = tempFolder()
    write(folder, TREE)
    const { files } = await find(folder)
    expect(files.map(({ createdMs }) => createdMs)).toEqual([
      null,
      JUNE - 60_000,
      ...[0, 1, 2, 3, 4, 5, 60_000].map((later) => JUNE + later),
    ])
  })

  it('keeps the members of an archive together, as they stand in it', async () => {
    const folder = tempFolder()
    const member = (name: string) => ({ name: `${name}/telemetry.wal.segments/${segmentName(JUNE)}`, content: 'x\n' })
    write(folder, {
      'one.tar': await tarOf(['z', 'm', 'a'].map(member)),
      'two.tar': await tarOf(['b', 'y'].map(member)),
    })
    const { files } = await find(folder)
    expect(files.map(({ pod }) => pod)).toEqual(['z', 'm', 'a', 'b', 'y'])
    expect((await read([...files].reverse())).map(({ file }) => file.index).sort()).toEqual([0, 1, 2, 3, 4])
  })
})
