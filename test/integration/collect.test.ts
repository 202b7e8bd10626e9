import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Bundle } from '../../src/collect/bundle.js'
import { FolderStore } from '../../src/collect/folder-store.js'
import { Journal } from '../../src/collect/journal.js'
import type { BundledFile, CollectOutcome, VerifyOutcome } from '../../src/domain/collect.js'
import { Pace } from '../../src/domain/pace.js'
import { readFiles } from '../../src/sources/index.js'
import { cleanEnv, LedgerDir } from '../support/ledger-dir.js'
import { END_MARK, rawMember, rawPax } from '../support/raw-tar.js'
import { record, segment } from '../support/records.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { find, segmentName, tarOf, tempFolder, write } from '../support/wal-tree.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const SEGMENTS = 'telemetry.wal.segments'
const at = (n: number) => segmentName(1_773_180_000_000 + n)
const pair = (n: number) => Buffer.from(segment([[record(2 * n), record(2 * n + 1)]]))
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

let dir: LedgerDir
let bundle: string
beforeEach(() => {
  dir = new LedgerDir()
  bundle = join(dir.root, 'bundle')
})
afterEach(() => dir.remove())

type Answer = CollectOutcome & VerifyOutcome & { status: string; error?: { code: string } }

async function command(args: readonly string[], env: Record<string, string> = {}) {
  const ran = await dir.runBeside(['collect', ...args, '--to', bundle], env)
  return { code: ran.code, stderr: ran.stderr, ...(ran.document as unknown as Answer) }
}
const collect = (...sources: string[]) => command(sources)
const verify = () => command(['--verify'])
const paths = ({ files }: { files: readonly BundledFile[] }) => files.map(({ path }) => path)

/** Four pods of three segments, checkpoints and a legacy file. */
function pods(): void {
  for (let n = 0; n < 12; n++) {
    dir.write(`router-${n % 4}/${SEGMENTS}/${at(n)}`, pair(n))
    if (n < 4) dir.write(`router-${n}/${SEGMENTS}/${at(n)}.offset`, String(pair(n).length))
  }
  dir.write('router-0/telemetry.wal', pair(12))
  dir.write('router-0/telemetry.wal.offset', 'no number')
}

describe('a bundle', () => {
  it('holds what the sources hold, says so, and replays to the same ledger', async () => {
    pods()
    const store = await S3Server.start()
    store.put({ [`router-5/${SEGMENTS}/${at(20)}`]: pair(20) })
    const packed = await tarOf([{ name: `router-4/${SEGMENTS}/${at(21)}`, content: pair(21) }])
    writeFileSync(join(dir.root, 'late.tgz'), gzipSync(packed))
    const sources = [dir.pods, join(dir.root, 'late.tgz'), `s3://${store.bucket}/`]
    const s3 = ['--s3-endpoint', store.endpoint, '--s3-path-style']
    const { code, files, written, unreadable, stderr } = await command([...sources, ...s3], CREDENTIALS)
    expect([code, written, unreadable, stderr]).toEqual([0, 15, [], ''])
    const byPath = new Map(files.map((file) => [file.path, file]))
    for (let n = 0; n < 12; n++)
      expect(byPath.get(`router-${n % 4}/${SEGMENTS}/${at(n)}`)).toMatchObject({
        pod: `router-${n % 4}`,
        kind: 'segment',
        bytes: pair(n).length,
        sha256: sha256(pair(n)),
        checkpoint: n < 4 ? { state: 'at', offset: pair(n).length } : { state: 'none' },
      })
    expect(byPath.get('router-0/telemetry.wal')).toMatchObject({ kind: 'legacy', checkpoint: { state: 'unusable' } })
    for (const [path, { bytes }] of byPath) {
      const info = statSync(join(bundle, path))
      expect([info.size, info.mode & 0o777]).toEqual([bytes, 0o600])
    }
    expect(await verify()).toMatchObject({ code: 0, status: 'ok', differences: [], files: 15 })
    const document = async (args: readonly string[]) => {
      const ran = await dir.runBeside(['inspect', ...args], CREDENTIALS)
      const { lines, records, window, sources, warnings } = ran.document
      const { bytes, pods, unreadable } = sources
      return { code: ran.code, lines, records, window, bytes, pods, unreadable, warnings: warnings.map((w) => w.class) }
    }
    expect(await document([bundle])).toEqual(await document([...sources, ...s3]))
    const { code: replayed, document: plan } = dir.run(['replay', bundle])
    expect([replayed, plan.records.inserted]).toEqual([0, 30])
  })

  it('collected again is what it was; what is new is added, what grew goes on', async () => {
    pods()
    const first = await collect(dir.pods)
    // Nothing looks alive once its files were copied long after they were written.
    const again = await collect(dir.pods)
    expect(paths(again)).toEqual(paths(first))
    expect(again.written).toBe(0)
    appendFileSync(join(dir.pods, 'router-0/telemetry.wal'), pair(13))
    dir.write(`router-9/${SEGMENTS}/${at(30)}`, pair(30))
    const more = await collect(dir.pods)
    expect(more.written).toBe(2)
    expect(paths(more)).toHaveLength(paths(first).length + 1)
    expect(readFileSync(join(bundle, 'router-0/telemetry.wal')).equals(Buffer.concat([pair(12), pair(13)]))).toBe(true)
    // Files that are gone from their pods stay in the bundle; so does the longer copy of one.
    rmSync(dir.pods, { recursive: true })
    dir.write('router-0/telemetry.wal', pair(12))
    expect(paths(await collect(dir.pods))).toEqual(paths(more))
    expect(readFileSync(join(bundle, 'router-0/telemetry.wal')).length).toBe(pair(12).length + pair(13).length)
    expect((await verify()).differences).toEqual([])
  })

  it('keeps both of two contents that have one name', async () => {
    const other = join(dir.root, 'other')
    dir.write('router-0/telemetry.wal', pair(1))
    write(other, { 'router-0/telemetry.wal': pair(2) })
    await collect(dir.pods)
    const { files } = await collect(other)
    expect(files.map(({ path }) => path)).toEqual([
      `other-copies/${sha256(pair(2)).slice(0, 16)}/router-0/telemetry.wal`,
      'router-0/telemetry.wal',
    ])
    expect((await collect(other, dir.pods)).written).toBe(0)
    expect((await verify()).differences).toEqual([])
    expect(dir.run(['inspect', bundle]).document.records.decoded).toBe(4)
  })

  it('takes names from outside as names only', async () => {
    const store = await S3Server.start()
    const names = ['../../up', '/etc', 'a//b', 'new\nline', 'a%0Ab', 'a\\b', '..', '\u001b[31m', 'ünï 🦀', ' ']
    store.put(Object.fromEntries(names.map((pod, n) => [`${pod}/${SEGMENTS}/${at(n)}`, pair(n)])))
    const args = [`s3://${store.bucket}/`, '--s3-endpoint', store.endpoint, '--s3-path-style']
    const { files, code } = await command(args, CREDENTIALS)
    expect([code, new Set(files.map(({ path }) => path)).size]).toEqual([0, names.length])
    expect(files.map(({ pod }) => pod).sort()).toEqual([...names].sort())
    for (const { path } of files) expect(JSON.stringify(path)).not.toMatch(/\.\.|\/\/|^"\/|\\/)
    expect((await verify()).differences).toEqual([])
    expect(readdirSync(dir.root).sort()).toEqual(
      ['bundle', 'pods', 'state'].filter((name) => existsSync(join(dir.root, name))),
    )
    expect(dir.run(['inspect', bundle]).document).toMatchObject({ records: { decoded: 20 }, sources: { pods: 10 } })
  })

  it('takes what no folder can hold: long names, a file and a folder of one name, the bundle’s own names', async () => {
    const names = [
      `${'p'.repeat(300)}/telemetry.wal`,
      `${'\u001b'.repeat(200)}/telemetry.wal`,
      `${'d/'.repeat(2000)}telemetry.wal`,
      'p/x.wal',
      'p/x.wal/y.wal',
      'p/x.wal.offset/y.wal',
      'q/y.wal/z.wal',
      'q/y.wal',
      ...['json', 'partial', 'lock', 'tmp'].map((name) => `obleth-ledger-bundle.${name}/telemetry.wal`),
    ]
    const members = names.map((name, n) =>
      Buffer.concat([rawPax({ path: name }), rawMember(name.slice(0, 100), pair(n))]),
    )
    writeFileSync(join(dir.root, 'odd.tar'), Buffer.concat([...members, END_MARK]))
    const { code, files, stderr } = await collect(join(dir.root, 'odd.tar'))
    expect([code, stderr, new Set(paths({ files })).size]).toEqual([0, '', names.length])
    expect((await verify()).differences).toEqual([])
    expect((await collect(join(dir.root, 'odd.tar'))).written).toBe(0)
    expect(dir.run(['inspect', bundle]).document).toMatchObject({ records: { decoded: 2 * names.length } })
  })

  it('is read whole, also a file that was a WAL only because it was named', async () => {
    dir.write('router-0/usage', pair(1))
    expect((await collect(join(dir.pods, 'router-0/usage'))).code).toBe(0)
    expect(dir.run(['inspect', bundle]).document).toMatchObject({ records: { decoded: 2 }, sources: { files: 1 } })
  })

  it('of what could not be read at all stays incomplete until a collect of the same sources reads it', async () => {
    const archive = await tarOf([1, 2].map((n) => ({ name: `router-${n}/${SEGMENTS}/${at(n)}`, content: pair(n) })))
    // Between two members: what is there is whole, and nothing tells how much is missing.
    const cut = archive.indexOf(Buffer.from(`router-2/${SEGMENTS}/`))
    const file = join(dir.root, 'pods.tar')
    writeFileSync(file, archive.subarray(0, cut))
    dir.write(`router-3/${SEGMENTS}/${at(3)}`, pair(3))
    const codes = async (...sources: string[]) => {
      const { code } = await collect(...sources)
      return [code, dir.run(['inspect', bundle]).code]
    }
    expect(await codes(file)).toEqual([3, 3])
    // Other sources say nothing about it.
    expect(await codes(dir.pods)).toEqual([0, 3])
    writeFileSync(file, archive)
    expect(await codes(dir.pods, file)).toEqual([0, 0])
    expect(dir.run(['inspect', bundle]).document.records.decoded).toBe(6)
  })

  it('of archives that are cut holds what they gave, and the run is incomplete', async () => {
    const archive = await tarOf([1, 2].map((n) => ({ name: `router-${n}/${SEGMENTS}/${at(n)}`, content: pair(n) })))
    writeFileSync(join(dir.root, 'cut.tar'), archive.subarray(0, 512 * 5 + 700))
    const { code, files, unreadable } = await collect(join(dir.root, 'cut.tar'))
    expect(code).toBe(3)
    expect(unreadable.length).toBeGreaterThan(0)
    const [{ path }] = files.filter(({ state, reason }) => state === 'incomplete' && reason !== null)
    const proof = await verify()
    const missing = [
      { path, reason: expect.stringContaining('in part') },
      { path: 'cut.tar', reason: expect.stringContaining('not collected') },
    ]
    expect([proof.code, proof.differences, proof.incomplete]).toEqual([0, [], missing])
    // Nor is a run from it clean, whatever its command.
    for (const args of [['inspect'], ['replay'], ['replay', '--dry-run']]) {
      const { code, document } = dir.run([...args, bundle])
      expect([code, document.sources?.unreadable], args.join(' ')).toMatchObject([3, missing])
    }
  })

  it('of a pod at its cap says that records are lost', async () => {
    for (let n = 0; n < 1024; n++) dir.write(`router-0/${SEGMENTS}/${at(n)}`, 'x\n')
    dir.write(`router-1/${SEGMENTS}/${at(0)}`, 'x\n')
    const { warnings } = await collect(dir.pods)
    expect(warnings.filter((warning) => warning.class === 'pod_full').map(({ path }) => path)).toEqual(['router-0'])
  })

  it('of a pod that runs holds finished segments as whole, and reads the others again', async () => {
    const now = Date.now()
    const name = (secondsAgo: number) => `router-0/${SEGMENTS}/${segmentName(now - 1000 * secondsAgo)}`
    const [old, closed, newest] = [name(300), name(70), name(10)]
    for (const [n, path] of [old, closed, newest].entries()) dir.write(path, pair(n))
    dir.write('router-0/telemetry.wal', pair(3))
    for (const n of [4, 5]) dir.write(`router-1/${SEGMENTS}/${at(n)}`, pair(n))
    const states = ({ files }: Answer) => Object.fromEntries(files.map(({ path, state }) => [path, state]))
    // Copied minutes after the times in their names: of router-1 nothing says that it is alive.
    for (const n of [4, 5]) utimesSync(join(dir.pods, `router-1/${SEGMENTS}/${at(n)}`), 1e9, 1e9)
    const first = await collect(dir.pods)
    expect(first.live.map(({ pod }) => pod)).toEqual(['router-0'])
    expect(states(first)).toEqual({
      [old]: 'whole',
      [closed]: 'whole',
      [newest]: 'growing',
      'router-0/telemetry.wal': 'growing',
      [`router-1/${SEGMENTS}/${at(4)}`]: 'whole',
      [`router-1/${SEGMENTS}/${at(5)}`]: 'whole',
    })
    appendFileSync(join(dir.pods, newest), pair(6))
    const next = name(0)
    dir.write(next, pair(7))
    const second = await collect(dir.pods)
    expect([second.written, states(second)[newest], states(second)[next]]).toEqual([2, 'whole', 'growing'])
    expect(readFileSync(join(bundle, newest), 'utf8')).toBe(`${pair(2)}${pair(6)}`)
    expect((await verify()).differences).toEqual([])
  })

  it('of a file that grows while it is read holds its beginning, and a checkpoint that claims no more', async () => {
    const folder = tempFolder()
    const whole = Buffer.alloc(3 * 2 ** 20, 'x\n')
    write(folder, { 'router-0/telemetry.wal': whole, 'router-0/telemetry.wal.offset': '1000000' })
    const { files } = await find(folder)
    // A pod that writes a MiB for each that is read; without end, were it waited for.
    const file = join(folder, 'router-0/telemetry.wal')
    const store = new FolderStore(bundle)
    await store.lock(false)
    const { journal } = await Journal.begin(store)
    const made = new Bundle(store, journal, new Map(), [])
    const pace = new Pace(2 ** 20, new AbortController().signal, {
      now: () => 0,
      wait: async () => appendFileSync(file, Buffer.alloc(2 ** 20, 'y\n')),
    })
    for await (const open of readFiles(files)) await made.add(open, false, pace)
    const [{ state, bytes, checkpoint }] = made.files
    expect([state, bytes, checkpoint]).toEqual(['growing', 4 * 2 ** 20, { state: 'at', offset: 1_000_000 }])
    expect(readFileSync(join(bundle, 'router-0/telemetry.wal.offset'), 'utf8')).toBe('1000000')
  })

  it('notes what its pod has drained meanwhile, and what grew', async () => {
    const folder = tempFolder()
    write(folder, { 'gone/telemetry.wal': 'x\n', 'grown/telemetry.wal': 'x\n', 'whole/telemetry.wal': 'x\n' })
    const { files } = await find(folder)
    unlinkSync(join(folder, 'gone/telemetry.wal'))
    appendFileSync(join(folder, 'grown/telemetry.wal'), 'y\n')
    const store = new FolderStore(bundle)
    await store.lock(false)
    const { journal } = await Journal.begin(store)
    const made = new Bundle(store, journal, new Map(), [])
    const pace = new Pace(undefined, new AbortController().signal)
    for await (const open of readFiles(files)) await made.add(open, false, pace)
    expect(made.files.map(({ pod, state, bytes }) => [pod, state, bytes])).toEqual([
      ['gone', 'vanished', 0],
      ['grown', 'growing', 4],
      ['whole', 'whole', 2],
    ])
    expect(existsSync(join(bundle, 'gone'))).toBe(false)
  })
})

describe('what is no whole bundle', () => {
  it.each<[string, (path: string) => void, RegExp]>([
    [
      'a flipped byte',
      (path) =>
        writeFileSync(
          path,
          readFileSync(path).map((byte, i) => (i === 9 ? byte ^ 1 : byte)),
        ),
      /SHA-256/,
    ],
    ['a file too short', (path) => writeFileSync(path, readFileSync(path).subarray(1)), /bytes/],
    ['a missing file', (path) => unlinkSync(path), /missing/],
    ['another checkpoint', (path) => writeFileSync(`${path}.offset`, '1'), /checkpoint/],
    ['a missing checkpoint', (path) => unlinkSync(`${path}.offset`), /checkpoint/],
  ])('%s: named', async (_, damage, reason) => {
    pods()
    await collect(dir.pods)
    const path = `router-1/${SEGMENTS}/${at(1)}`
    damage(join(bundle, path))
    expect(await verify()).toMatchObject({
      code: 4,
      status: 'mismatch',
      differences: [{ path, reason: expect.stringMatching(reason) }],
    })
    // Nor is anything made of it.
    const { code, stderr } = dir.run(['replay', bundle])
    expect(code).toBe(5)
    expect(stderr).toContain(path)
    expect(dir.run(['inspect', join(bundle, 'router-2')]).code).toBe(0)
  })

  it('a file that the manifest does not know: named', async () => {
    pods()
    await collect(dir.pods)
    writeFileSync(join(bundle, 'router-1', SEGMENTS, at(99)), pair(99))
    expect(await verify()).toMatchObject({ code: 4, differences: [{ path: `router-1/${SEGMENTS}/${at(99)}` }] })
  })

  it('a manifest whose paths lead outside is not followed', async () => {
    pods()
    await collect(dir.pods)
    const manifest = join(bundle, 'obleth-ledger-bundle.json')
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('router-1/', '../router-1/'))
    expect((await verify()).error?.code).toBe('state_damaged')
  })

  it('nothing, a folder of something else, and a folder within a source: refused, nothing written', async () => {
    pods()
    expect((await verify()).code).toBe(10)
    mkdirSync(bundle)
    writeFileSync(join(bundle, 'notes.txt'), 'mine')
    expect((await collect(dir.pods)).code).toBe(5)
    expect(readdirSync(bundle)).toEqual(['notes.txt'])
    bundle = join(dir.pods, 'bundle')
    expect((await collect(dir.pods)).code).toBe(2)
    expect(existsSync(bundle)).toBe(false)
  })
})

describe('a collect that is killed', () => {
  /** Kills the command once it has copied so many files, give or take what it does meanwhile. */
  async function killAt(copied: number): Promise<void> {
    const args = ['collect', dir.pods, '--to', bundle, '--quiet']
    const child = spawn(process.execPath, [CLI, ...args], { cwd: dir.root, env: cleanEnv(), stdio: 'ignore' })
    const ended = new Promise((resolve) => child.on('close', resolve))
    const journal = join(bundle, 'obleth-ledger-bundle.partial')
    const lines = () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').filter(Boolean).length : 0)
    while (child.exitCode === null && lines() < copied) await sleep(1)
    child.kill('SIGKILL')
    await ended
  }

  it('is half made until the same command has come to its end; then it is proven', async () => {
    for (let n = 0; n < 400; n++) dir.write(`router-${n % 4}/${SEGMENTS}/${at(n)}`, pair(n))
    let killed = 0
    for (const copied of [1, 3, 40, 41, 120, 200, 333]) {
      await killAt(copied)
      if (!existsSync(join(bundle, 'obleth-ledger-bundle.partial'))) continue
      killed++
      expect((await verify()).code).toBe(5)
      const { code, document } = dir.run(['inspect', bundle])
      expect([code, document.error?.code]).toEqual([5, 'refused'])
    }
    expect(killed).toBeGreaterThan(2)
    const { code, written, files } = await collect(dir.pods)
    expect([code, files.length]).toEqual([0, 400])
    // What had been copied was not copied again.
    expect(written).toBeLessThan(400)
    expect(await verify()).toMatchObject({ code: 0, files: 400, differences: [] })
    // A copy of the bundle is as good.
    cpSync(bundle, join(dir.root, 'copy'), { recursive: true })
    bundle = join(dir.root, 'copy')
    expect((await verify()).code).toBe(0)
  })
})
