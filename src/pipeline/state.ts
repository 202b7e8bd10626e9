import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { z } from 'zod'
import type { RecordCounts } from '../domain/counts.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'
import { StateLock } from './state-lock.js'
import { syncDirectory } from './sync-directory.js'

const FORMAT = 1

const counts = z.record(z.string(), z.number())
const named = z.array(z.object({ name: z.string(), count: z.number() }))
const warnings = z.array(
  z.object({
    class: z.string(),
    message: z.string(),
    path: z.string().optional(),
    line: z.number().optional(),
    count: z.number().optional(),
  }),
)

/** What is known of the input once it is staged and verified: everything that a report needs without the sources. */
const stagedInput = z.object({
  pods: z.number(),
  files: z.number(),
  bytes: z.number(),
  unreadable: z.array(z.object({ path: z.string(), reason: z.string() })),
  lines: counts,
  records: counts,
  sent: z.number(),
  unusable: z.number(),
  quarantineEntries: z.number(),
  window: z.object({ fromMs: z.number(), toMs: z.number() }).nullable(),
  unknownFields: named,
  warnings,
  live: z.array(z.object({ pod: z.string(), reason: z.string() })),
  /** As they were verified. */
  partitions: z.array(z.object({ partitionId: z.string(), rows: z.number() })),
  readMs: z.number().default(0),
  decodeMs: z.number(),
  orderMs: z.number(),
  stageMs: z.number(),
})

const manifest = z.object({
  format: z.literal(FORMAT),
  runId: z.string().regex(/^[a-z0-9]{1,20}$/),
  /** staging: nothing to build on. staged: verified. publishing: the live tables may have changed. */
  state: z.enum(['staging', 'staged', 'publishing', 'published']),
  /** The sources as they were when they were staged. */
  fingerprint: z.string(),
  input: stagedInput.nullable(),
})

export type StagedInput = z.infer<typeof stagedInput>
export type Manifest = z.infer<typeof manifest>

/** The counts of a staged input, by the names of the document. */
export type StagedRecords = Pick<
  RecordCounts,
  'decoded' | 'duplicates' | 'conflicts' | 'filteredOut' | 'repaired' | 'salvaged'
>

/**
 * What a run keeps on this machine, in a folder below `--state-dir` that belongs to one set of sources and one target:
 * `run.json`, the quarantine file, the lock and the spool. What has been published stands on the target itself, and the
 * target wins where the two differ.
 *
 * Power loss: `run.json` is replaced whole (temporary file, fsync, rename, fsync of the folder), and each new folder is
 * followed by an fsync of the one that holds it. So its next state is on disk before anything is built on it: the run's id
 * before the target is locked under it, `staged` after the quarantine file (which is fsynced when decoding ends), and
 * `publishing` before the first live table changes. Lock and spool are not synced: neither outlives its process.
 */
export class RunState {
  private constructor(
    readonly dir: string,
    private readonly lock: StateLock,
    /** As the last run left it; null where there was none. */
    public manifest: Manifest | null,
  ) {}

  get quarantinePath(): string {
    return join(this.dir, 'quarantine.jsonl')
  }

  /** Emptied when the state is opened: nothing in it outlives a run. */
  get spoolDir(): string {
    return join(this.dir, 'spool')
  }

  /**
   * Opens the state of these sources and this target. Throws `target_locked` where another process has it open,
   * `state_damaged` where it cannot be read.
   */
  static open(stateDir: string, binding: readonly unknown[]): RunState {
    const name = createHash('sha256').update(JSON.stringify(binding)).digest('hex').slice(0, 16)
    const dir = join(resolve(stateDir), name)
    const made = makePrivate(dir)
    if (made !== undefined) for (let at = dir; at.length >= made.length; at = dirname(at)) syncDirectory(dirname(at))
    const lock = StateLock.acquire(join(dir, 'lock'))
    try {
      removeHalfWritten(dir)
      const state = new RunState(dir, lock, readManifest(join(dir, 'run.json')))
      state.emptySpool()
      return state
    } catch (error) {
      lock.release()
      throw error
    }
  }

  emptySpool(): void {
    rmSync(this.spoolDir, { recursive: true, force: true })
    makePrivate(this.spoolDir)
  }

  async save(next: Omit<Manifest, 'format'>): Promise<void> {
    this.manifest = { format: FORMAT, ...next }
    const file = join(this.dir, 'run.json')
    try {
      await writeFileAtomic(file, `${JSON.stringify(this.manifest, null, 2)}\n`, { mode: 0o600, fsync: true })
      // Which also keeps the quarantine file's name.
      syncDirectory(this.dir)
    } catch (cause) {
      throw writeError('the state of the run', file, cause, 'free some space, then run the same command again')
    }
  }

  close(): void {
    rmSync(this.spoolDir, { recursive: true, force: true })
    this.lock.release()
  }
}

export function newRunId(): string {
  return `r${randomBytes(6).toString('hex')}`
}

/** The outermost folder that had to be made; undefined where all were there. */
function makePrivate(dir: string): string | undefined {
  try {
    const made = mkdirSync(dir, { recursive: true, mode: 0o700 })
    if (made !== undefined) chmodSync(dir, 0o700)
    return made
  } catch (cause) {
    throw new LedgerError('config', `cannot make the state directory: ${String(cause)}`, {
      place: printable(dir),
      hint: 'name another one with --state-dir',
      cause,
    })
  }
}

/** A process killed while it saved left its temporary file; whoever holds the lock may remove it. */
function removeHalfWritten(dir: string): void {
  for (const name of readdirSync(dir)) if (/^run\.json\.\d+$/.test(name)) rmSync(join(dir, name), { force: true })
}

function readManifest(file: string): Manifest | null {
  if (!existsSync(file)) return null
  try {
    return manifest.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    throw new LedgerError('state_damaged', 'the state of an earlier run cannot be read', {
      place: printable(file),
      hint: 'move this folder aside and run the same command again: what was published stands on the target',
      cause,
    })
  }
}
