import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { isProcessAlive } from '../domain/process-alive.js'
import { serverCode } from './adapt-error.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { type Patience, patiently } from './patiently.js'

const LOCK_TABLE = 'usage_replay_lock'
const TABLE_ALREADY_EXISTS = 57

/** Who holds the lock; it stands as JSON in the comment of the lock table. */
export interface LockOwner {
  readonly runId: string
  readonly host: string
  readonly pid: number
  /** RFC 3339. */
  readonly since: string
  /** Names one acquisition, so that a process whose lock was taken over does not release the new one. */
  readonly nonce: string
}

/**
 * The lock on a target, held by one run at a time: a table, since creating one is the only atomic thing that every
 * ClickHouse offers, with its owner in the comment. It does not end by itself when its owner dies.
 */
export class TargetLock {
  private constructor(
    private readonly ledger: Ledger,
    private readonly owner: LockOwner,
    /** What happened on the way that the user should know; null where nothing did. */
    readonly notice: string | null,
  ) {}

  /**
   * Takes the lock. A run that finds its own id there takes over, so does any run on an embedded ledger (whose directory
   * only one process can hold: the owner is dead), and any with `breakLock`. Otherwise throws `target_locked` that says
   * who holds it since when. The database must exist.
   */
  static async acquire(
    ledger: Ledger,
    runId: string,
    { breakLock }: { breakLock: boolean },
    patience: Patience,
  ): Promise<TargetLock> {
    const mine: LockOwner = {
      runId,
      host: hostname(),
      pid: process.pid,
      since: new Date().toISOString(),
      nonce: randomUUID(),
    }
    let broken: Holder | null = null
    await patiently(ledger, patience, async () => {
      for (let round = 0; !(await create(ledger, mine)); round++) {
        const holder = await read(ledger)
        // By an attempt whose answer was lost.
        if (isHeldBy(holder, mine)) return
        if (holder === null && round === 0) continue
        const own = holder !== null && holder !== 'unreadable' && holder.runId === runId
        const may = own || ((breakLock || ledger.kind === 'embedded') && (broken === null || isSame(broken, holder)))
        if (holder === null || round > 0 || !may) throw locked(ledger, holder ?? 'unreadable')
        if (!own) broken = holder
        await ledger.command(`DROP TABLE IF EXISTS ${ledger.table(LOCK_TABLE)} SYNC`)
      }
    })
    return new TargetLock(ledger, mine, broken === null ? null : `took over the lock of ${describe(broken)}`)
  }

  /** Throws `target_locked` where somebody broke the lock meanwhile: nothing may be published any more. */
  async assertHeld(): Promise<void> {
    const holder = await read(this.ledger)
    if (isHeldBy(holder, this.owner)) return
    throw new LedgerError(
      'target_locked',
      `the lock on the target was broken by ${holder ? describe(holder) : 'somebody'}`,
      {
        place: `${this.ledger.location}, table ${LOCK_TABLE}`,
        hint: 'wait until the other run has ended, then run the same command again',
      },
    )
  }

  /** Does what needs the lock, and gives it back whatever came of that. */
  async during<T>(patience: Patience, act: () => Promise<T>): Promise<T> {
    let outcome: T
    try {
      outcome = await act()
    } catch (error) {
      // Not waited for again: a lock that stays says whose it is, and the same command takes it over.
      await this.release().catch(() => {})
      throw error
    }
    await patiently(this.ledger, patience, () => this.release())
    return outcome
  }

  /** Drops the lock where it is still ours. Harmless when repeated. */
  async release(): Promise<void> {
    if (!isHeldBy(await read(this.ledger), this.owner)) return
    await this.ledger.command(`DROP TABLE IF EXISTS ${this.ledger.table(LOCK_TABLE)} SYNC`)
  }
}

/** Who holds the lock now; null where nobody does. For lists; a run asks for the lock itself. */
export async function lockOwner(ledger: Ledger): Promise<LockOwner | null> {
  const holder = await read(ledger)
  return holder === 'unreadable' ? null : holder
}

/**
 * Throws `target_locked` unless the process that holds the lock under this very name is known to be gone: one of this
 * machine that ended without giving it back. Whoever takes a name up again, as an undo that was killed, asks first.
 */
export function refuseLiving(ledger: Ledger, runId: string, { host, pid }: Pick<LockOwner, 'host' | 'pid'>): void {
  if (host === hostname() && !isProcessAlive(pid)) return
  throw new LedgerError('target_locked', `${runId} holds the lock: process ${pid} on ${printable(host)}`, {
    place: ledger.location,
    hint: 'wait until it has ended, or, if it is dead, run the same command with --break-lock',
  })
}

async function create(ledger: Ledger, owner: LockOwner): Promise<boolean> {
  try {
    await ledger.command(
      `CREATE TABLE ${ledger.table(LOCK_TABLE)} (held UInt8) ENGINE = MergeTree ORDER BY tuple() ` +
        `COMMENT ${literal(JSON.stringify(owner))}`,
    )
    return true
  } catch (error) {
    if (serverCode(error) === TABLE_ALREADY_EXISTS) return false
    throw error
  }
}

type Holder = LockOwner | 'unreadable'

function isHeldBy(holder: Holder | null, { nonce }: LockOwner): boolean {
  return holder !== null && holder !== 'unreadable' && holder.nonce === nonce
}

function isSame(one: Holder, other: Holder | null): boolean {
  return one === 'unreadable' ? other === one : isHeldBy(other, one)
}

async function read(ledger: Ledger): Promise<Holder | null> {
  const [row] = await ledger.rows<{ comment: string }>(
    `SELECT comment FROM system.tables
     WHERE database = ${literal(ledger.database)} AND name = ${literal(LOCK_TABLE)}`,
  )
  if (row === undefined) return null
  try {
    const owner: unknown = JSON.parse(row.comment)
    return isOwner(owner) ? owner : 'unreadable'
  } catch {
    return 'unreadable'
  }
}

function isOwner(value: unknown): value is LockOwner {
  const owner = value as Partial<LockOwner> | null
  const texts = [owner?.runId, owner?.host, owner?.since, owner?.nonce]
  return texts.every((text) => typeof text === 'string') && typeof owner?.pid === 'number'
}

function locked(ledger: Ledger, holder: Holder): LedgerError {
  const again = 'wait until it has ended, or, if it is dead, run the same command with --break-lock'
  return new LedgerError('target_locked', `the target is locked by ${describe(holder)}`, {
    place: `${ledger.location}, table ${ledger.database}.${LOCK_TABLE}`,
    hint: `see \`obleth-ledger runs list\`; ${again}`,
  })
}

function describe(holder: Holder): string {
  if (holder === 'unreadable') return 'a run that left no readable name'
  return `run ${printable(holder.runId)}, process ${holder.pid} on ${printable(holder.host)}, since ${printable(holder.since)}`
}
