import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { VerifyOutcome } from '../../src/domain/collect.js'
import { type Ended, ranOf, seeded, startCommand } from './kill-run.js'
import { LedgerDir } from './ledger-dir.js'
import { ROLLUP_SQL, record, rollupOf, segment, type TestRecord } from './records.js'
import { CREDENTIALS, S3Server } from './s3/index.js'
import { segmentName } from './wal-tree.js'

const SEGMENTS = 'telemetry.wal.segments'
/** Moments in system calls that a thread makes in a second collect, about: so many, each the so manieth call. */
const CALLS = [
  { call: 'write', moments: 29, every: 6 },
  { call: 'fsync', moments: 28, every: 1 },
  { call: 'rename', moments: 11, every: 1 },
  { call: 'unlink', moments: 2, every: 1 },
]
/** Enough records for an upload in parts. */
const MANY = 12_000

const at = (n: number) => segmentName(1_773_180_000_000 + n)
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => record(from + i))
const pair = (n: number) => segment([range(2 * n, 2)])

/** Two collects of four pods: between them files grow, checkpoints move, segments come and go. */
class Scene {
  readonly dir = new LedgerDir()

  begin(): void {
    for (let n = 0; n < 8; n++) this.dir.write(`router-${n % 4}/${SEGMENTS}/${at(n)}`, pair(n))
    this.dir.write(`router-0/${SEGMENTS}/${at(0)}.offset`, '10')
    this.dir.write('router-0/telemetry.wal', pair(8))
    this.dir.write('router-1/telemetry.wal', pair(9))
  }

  goOn(): void {
    const { dir } = this
    appendFileSync(join(dir.pods, 'router-0/telemetry.wal'), pair(10))
    appendFileSync(join(dir.pods, 'router-1/telemetry.wal'), segment([range(1000, MANY)]))
    dir.write('router-1/telemetry.wal.offset', '7')
    dir.write(`router-0/${SEGMENTS}/${at(0)}.offset`, String(pair(0).length))
    for (let n = 11; n < 17; n++) dir.write(`router-${n % 4}/${SEGMENTS}/${at(n)}`, pair(n))
    rmSync(join(dir.pods, `router-3/${SEGMENTS}/${at(3)}`))
  }

  readonly records: readonly TestRecord[] = [...range(0, 22), ...range(22, 12), ...range(1000, MANY)]
}

/** Where the bundle goes, and how a collect into it is killed at the nth of its moments. */
interface Target {
  readonly args: readonly string[]
  readonly env: Record<string, string>
  readonly to: string
  /** Runs a collect; null for one that is left alone. */
  run(dir: LedgerDir, nth: number | null): Promise<Ended>
}

export type TargetKind = 'a folder' | 'a bucket'

/** About as many as a second collect has; one beyond its end disturbs nothing. */
const MOMENTS: Record<TargetKind, number> = {
  'a folder': CALLS.reduce((sum, { moments }) => sum + moments, 0),
  'a bucket': 76,
}

async function targetOf(kind: TargetKind, dir: LedgerDir): Promise<Target> {
  return kind === 'a folder' ? folderTarget(dir) : bucketTarget()
}

const collect = (dir: LedgerDir, { to, args, env }: Target, wrapper: readonly string[] = []) =>
  startCommand(dir, ['collect', dir.pods, '--to', to], wrapper, { args: ['--embedded', dir.ledger, ...args], env })

/** A command that runs a program which is killed right before one of its system calls; strace counts for each thread. */
function straceAt(nth: number): string[] {
  let left = nth
  for (const { call, moments, every } of CALLS) {
    const inject = `inject=${call}:signal=SIGKILL:when=${left * every}`
    if (left <= moments) return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject]
    left -= moments
  }
  throw new Error('there is no such moment')
}

function folderTarget(dir: LedgerDir): Target {
  const target: Target = {
    args: [],
    // All that is done beside the main thread in one: its calls come in the same order each time.
    env: { UV_THREADPOOL_SIZE: '1' },
    to: join(dir.root, 'bundle'),
    async run(dir, nth) {
      return await collect(dir, target, nth === null ? [] : straceAt(nth)).ended
    },
  }
  return target
}

/** Moments are requests; the process is killed before one of them has been done, or before it hears that it was. */
async function bucketTarget(): Promise<Target> {
  const server = await S3Server.start()
  const target: Target = {
    args: ['--s3-endpoint', server.endpoint, '--s3-path-style'],
    env: CREDENTIALS,
    to: `s3://${server.bucket}/bundle`,
    async run(dir, nth) {
      const { child, ended } = collect(dir, target)
      const before = server.requests.length
      server.fault = ({ number }) => {
        const done = Math.floor((nth ?? 0) / 2)
        if (nth === null || number - before !== done) return null
        child.kill('SIGKILL')
        return nth % 2 === 0 ? 'reset' : 'lost answer'
      }
      const how = await ended
      server.fault = () => null
      return how
    },
  }
  return target
}

/**
 * Kills the second of two collects at a random moment, and sometimes the one after it; then lets it come to its end. Where
 * `sourcesGone`, the pods are gone by then but for one. The bundle must be refused in between, and proven afterwards; with
 * the pods still there it must give the ledger that their records make. Returns whether a kill met a living process.
 */
export async function killCollect(kind: TargetKind, seed: number, sourcesGone: boolean): Promise<boolean> {
  const random = seeded(seed)
  const scene = new Scene()
  const { dir } = scene
  try {
    const target = await targetOf(kind, dir)
    const beside = (command: readonly string[]) =>
      startCommand(dir, command, [], { args: ['--embedded', dir.ledger, ...target.args], env: target.env }).ended
    scene.begin()
    expect((await target.run(dir, null)).code).toBe(0)
    scene.goOn()
    const moments = MOMENTS[kind]
    let killed = false
    for (let kill = 0; kill < 1 + Math.floor(random() * 2); kill++) {
      const ran = await target.run(dir, 1 + Math.floor(random() * moments))
      if (ran.signal === null) continue
      killed = true
      const verified = ranOf(await beside(['collect', '--verify', '--to', target.to]))
      // Killed before the journal was begun, or after it was gone: what is there is the bundle of before, or that of now.
      expect([0, 5], JSON.stringify(verified.document)).toContain(verified.code)
    }
    if (sourcesGone) for (const n of [0, 1, 2]) rmSync(join(dir.pods, `router-${n}`), { recursive: true })
    const last = await target.run(dir, null)
    expect(last.code, last.stderr).toBe(0)
    const proven = ranOf(await beside(['collect', '--verify', '--to', target.to]))
    const { differences } = proven.document as unknown as VerifyOutcome
    expect([proven.code, differences]).toEqual([0, []])
    if (!sourcesGone) {
      const replayed = await beside(['replay', target.to])
      expect(replayed.code, replayed.stderr).toBe(0)
      const [[{ n }], rollup] = dir.sql('SELECT count() AS n FROM obleth.usage', ROLLUP_SQL)
      expect(Number(n)).toBe(scene.records.length)
      expect(Object.fromEntries(rollup.map(({ key, sums }) => [key, sums]))).toEqual(rollupOf(scene.records))
    }
    return killed
  } finally {
    dir.remove()
  }
}
