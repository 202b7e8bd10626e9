import { createCipheriv, createHash } from 'node:crypto'
import { appendFileSync, truncateSync, unlinkSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { discover, readFiles } from '../../src/sources/index.js'
import { type Fault, Pods, WAL } from '../support/pods/index.js'
import { AWS, read, segmentName } from '../support/wal-tree.js'

const at = (n: number) => `${WAL}.segments/${segmentName(Date.UTC(2025, 5, 15, 12) + n)}`
/** So many bytes are asked for at a time, as src/sources/pod-scripts.ts has it, behind a line that says how many and their hash. */
const PART = 4 << 20
const LINE = (bytes: number) => `part ${bytes} ${'0'.repeat(64)}\n`.length

/** Bytes that look like nothing, the same for the same seed. */
function noise(bytes: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

function start(faults: readonly Fault[], files: Readonly<Record<string, string | Uint8Array>>): Pods {
  const pods = Pods.start()
  vi.stubEnv('PATH', pods.env.PATH)
  pods.pod({ name: 'router-0', faults })
  pods.write('router-0', files)
  return pods
}
afterEach(() => vi.unstubAllEnvs())

const findIn = (query = '') => discover([`k8s://obleth/app=gateway${query}`], { concurrency: 4, s3: AWS })
const served = (pods: Pods) => pods.calls('serve').length
const large = noise(3 * PART + 12_345, 'large')
const thousand = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [at(n), noise(2000 + n, at(n))]))

function expectThousand(got: Awaited<ReturnType<typeof read>>): void {
  expect(got).toHaveLength(200)
  for (const [n, { bytes, problem }] of got.entries()) {
    expect(problem).toBeNull()
    expect(bytes.equals(thousand[at(n)]), `file ${n}`).toBe(true)
  }
}

describe('a stream', () => {
  it('of many parts is whole', async () => {
    const pods = start([], { [WAL]: large })
    const [{ bytes, problem }] = await read((await findIn()).files)
    expect([problem, bytes.equals(large), served(pods)]).toEqual([null, true, 1])
  })

  it.each<[string, Fault['kind'], string | undefined]>([
    ['is cut without a word', 'cut', undefined],
    ['is cut, and told so', 'cut', 'error: unexpected EOF'],
    ['loses its API server', 'cut', 'Unable to connect to the server: net/http: TLS handshake timeout'],
    ['loses its node', 'cut', 'Error from server: error dialing backend: EOF'],
    ['stands still', 'stall', undefined],
    ['holds a flipped byte', 'flip', undefined],
  ])('that %s is asked again for what is missing', async (_, kind, says) => {
    const fault = { on: 'serve', kind, ...(says === undefined ? {} : { says }) } as const
    const pods = start(
      [
        { ...fault, calls: [0], after: PART + 200_000 },
        // In the middle of a line, and before the first of them.
        { ...fault, calls: [1], after: kind === 'cut' ? LINE(PART) + PART + 10 : 300_000 },
        ...(kind === 'cut' ? [{ ...fault, calls: [2], after: 0 }] : []),
      ],
      { [WAL]: large },
    )
    const [{ bytes, problem }] = await read((await findIn('?timeout=4s')).files)
    expect(problem).toBeNull()
    expect(bytes.equals(large)).toBe(true)
    expect(served(pods)).toBe(kind === 'cut' ? 4 : 3)
  })

  it('of one file goes on where it was cut, however large its parts are', async () => {
    const pods = start([{ on: 'serve', calls: 'all', kind: 'cut', after: 900_000 }], { [WAL]: large })
    const [{ bytes, problem }] = await read((await findIn('?timeout=5s')).files)
    expect([problem, bytes.equals(large)]).toEqual([null, true])
    // From block to block, of which the last is begun anew.
    expect(served(pods)).toBeLessThan(large.length / (900_000 - 2 * 65_536) + 5)
  })

  it('of many files goes on where it was cut, as long as it gets on at all', async () => {
    const pods = start([{ on: 'serve', calls: 'all', kind: 'cut', after: 40_000 }], thousand)
    expectThousand(await read((await findIn()).files))
    // Some 440 KB in pieces of 40 KB, of each all but the file that was cut.
    expect(served(pods)).toBeGreaterThan(10)
    expect(served(pods)).toBeLessThan(20)
  })

  it('of many files with a flipped byte now and then is right', async () => {
    start(
      [0, 1, 2].map((n) => ({ on: 'serve', calls: [n], kind: 'flip', after: 9000 + 7000 * n }) as const),
      thousand,
    )
    expectThousand(await read((await findIn()).files))
  })

  it.each<[Fault['kind'], RegExp, number]>([
    ['cut', /^its bytes 1000 to 5000 are missing: it broke off/, 7],
    ['stall', /^its bytes 1000 to 5000 are missing: nothing came for 3 s/, 3],
  ])('that ends in a %s again and again is given up, with what came of it', async (kind, reason, calls) => {
    const content = noise(5000, 'content')
    const pods = start([{ on: 'serve', calls: 'all', kind, after: LINE(5000) + 1000 }], {
      [at(0)]: content,
      [at(1)]: content,
      [at(2)]: content,
    })
    const got = await read((await findIn('?timeout=3s')).files)
    expect(got.map(({ problem }) => problem?.kind)).toEqual(Array(3).fill('unreadable'))
    expect(got[0].problem?.reason).toMatch(reason)
    expect(got[0].bytes.equals(content.subarray(0, 1000))).toBe(true)
    expect(got[2].bytes.length).toBe(0)
    // Not for each of its files anew.
    expect(served(pods)).toBe(calls)
  })

  it('whose bytes never fit their SHA-256 gives none of them', async () => {
    const pods = start([{ on: 'serve', calls: 'all', kind: 'flip', after: LINE(500) + 20 }], {
      [at(0)]: noise(500, 'a'),
    })
    const [{ bytes, problem }] = await read((await findIn()).files)
    expect([bytes.length, problem?.kind, served(pods)]).toEqual([0, 'unreadable', 3])
    expect(problem?.reason).toBe('its bytes 0 to 500 are missing: its SHA-256 is not the one that was taken in the pod')
  })

  it('of one pod that is lost leaves the others alone', async () => {
    const pods = start([{ on: 'serve', calls: 'all', kind: 'cut', after: 0, says: 'error: lost connection to pod' }], {
      [at(0)]: 'lost\n',
    })
    pods.pod({ name: 'router-1' })
    pods.write('router-1', { [at(1)]: 'kept\n', [at(2)]: 'too\n' })
    const got = await read((await findIn('?timeout=2s')).files)
    expect(got.map(({ file, bytes, problem }) => [file.pod, bytes.toString(), problem?.kind])).toEqual([
      ['router-0', '', 'unreadable'],
      ['router-1', 'kept\n', undefined],
      ['router-1', 'too\n', undefined],
    ])
  })

  it('ends the reading where it is not this pod alone', async () => {
    const pods = start([], { [at(0)]: 'x\n' })
    const { files } = await findIn('?timeout=1s')
    pods.set({ fails: { serve: ['error: You must be logged in to the server (Unauthorized)', 1] } })
    await expect(read(files)).rejects.toMatchObject({ code: 'access_denied' })
    pods.set({ fails: { serve: ['The connection to the server 127.0.0.1:6443 was refused', 1] } })
    await expect(read(files)).rejects.toMatchObject({ code: 'source_unreachable' })
    vi.stubEnv('PATH', '/nowhere')
    await expect(read(files)).rejects.toMatchObject({ code: 'config' })
  })

  it('that stands still is left at once where the reading shall stop', async () => {
    const pods = start([{ on: 'serve', calls: 'all', kind: 'stall', after: 10 }], { [at(0)]: 'x\n' })
    const { files } = await findIn()
    const stop = new AbortController()
    const reading = (async () => {
      for await (const { chunks } of readFiles(files, stop.signal)) for await (const _ of chunks);
    })()
    reading.catch(() => {})
    await vi.waitUntil(() => served(pods) > 0, { timeout: 10_000 })
    stop.abort()
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
    expect(served(pods)).toBe(1)
  })

  it('of a listing that is cut, or damaged, is asked for again', async () => {
    const pods = start(
      [
        { on: 'list', calls: [0], kind: 'cut', after: 0 },
        { on: 'list', calls: [1], kind: 'cut', after: 500 },
        { on: 'list', calls: [2], kind: 'stall', after: 700 },
      ],
      thousand,
    )
    const { files } = await findIn('?timeout=4s')
    expect([files.length, pods.calls('list').length]).toEqual([200, 4])
  })
})

describe('a pod that goes on writing and draining', () => {
  it('is read as far as it was found; what it has drained is gone and no fault', async () => {
    const pods = start([], {
      [WAL]: 'grows\n',
      [at(0)]: 'drained\n',
      [at(1)]: 'shrinks\n',
      [at(2)]: 'replaced by a folder\n',
      [at(3)]: 'kept\n',
    })
    const { files } = await findIn()
    appendFileSync(pods.at('router-0', WAL), 'more\n')
    unlinkSync(pods.at('router-0', at(0)))
    truncateSync(pods.at('router-0', at(1)), 3)
    unlinkSync(pods.at('router-0', at(2)))
    pods.write('router-0', { [`${at(2)}/x`]: '' })
    const got = await read(files)
    expect(got.map(({ bytes, problem }) => [bytes.toString(), problem?.kind])).toEqual([
      ['grows\n', undefined],
      ['', 'vanished'],
      ['shr', 'shrank'],
      ['', 'vanished'],
      ['kept\n', undefined],
    ])
  })

  it('loses nothing of a file that it deletes between two parts but what is gone', async () => {
    const pods = start([], { [WAL]: large })
    const { files } = await findIn()
    let bytes = 0
    for await (const { chunks, problem } of readFiles(files)) {
      for await (const chunk of chunks) {
        if (bytes === 0) unlinkSync(pods.at('router-0', WAL))
        bytes += chunk.length
      }
      expect(problem()?.kind).toBe('vanished')
    }
    expect(bytes % PART).toBe(0)
    expect(bytes).toBeGreaterThanOrEqual(PART)
  })

  it('never has a checkpoint that claims more than is read', async () => {
    const pods = start([], { [WAL]: 'a\n'.repeat(100), [`${WAL}.offset`]: '100' })
    // As soon as the checkpoint has been read, more is appended and acknowledged.
    pods.script(
      'racing',
      'head',
      `printf 'b\\nb\\n' >> ${pods.at('router-0', WAL)}; printf 204 > ${pods.at('router-0', `${WAL}.offset`)}`,
    )
    pods.pod({ name: 'router-0', tools: 'racing' })
    const { files, warnings } = await findIn()
    expect(files[0]).toMatchObject({ bytes: 204, checkpoint: { state: 'at', offset: 100 } })
    expect(warnings).toEqual([])
  })
})
