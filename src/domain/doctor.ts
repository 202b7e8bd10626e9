/** What `doctor` finds out about a deployment. */

import type { BackupState, Encryption, StoreName } from './backup.js'
import type { RecoveryWindow } from './pitr.js'

export type Lost = StoreName | 'pod'

/** Something that somebody has to see to. */
export interface Problem {
  readonly about: string
  readonly reason: string
  /** What to do about it. */
  readonly next: string
}

/**
 * ok: it answers, and nothing is wrong. attention: it answers, `problems` say what is wrong. unreachable: it does not answer.
 * unknown: no address of it is named.
 */
export type Health = 'ok' | 'attention' | 'unreachable' | 'unknown'

export interface StoreReport {
  readonly store: StoreName
  readonly health: Health
  /** Without credentials; null where none is named. */
  readonly place: string | null
  /** For people, in their order: `version 15.18`. */
  readonly facts: readonly { readonly name: string; readonly value: string }[]
  readonly problems: readonly Problem[]
}

/** A complete backup of a store. */
export interface NewestBackup {
  readonly id: string
  readonly startedMs: number
  readonly bytes: number
  readonly encryption: Encryption
}

/** The newest good backup of a store. */
export interface BackupReport {
  readonly store: StoreName
  readonly newest: NewestBackup | null
  /** How many there are, by state. */
  readonly counts: Readonly<Partial<Record<BackupState, number>>>
}

/** The WAL files that the sources lead to. */
export interface WalReport {
  readonly pods: number
  readonly files: number
  readonly bytes: number
  /** Pods that look as if they were running. */
  readonly live: number
  /** Pods at their cap: they lose records. */
  readonly full: number
}

/** A row of the failure matrix. */
export interface MatrixRow {
  readonly lost: Lost
  readonly impact: string
  /** What comes back, and as of when. */
  readonly recoverable: string
  /** Unix ms up to which all of it comes back; null where nothing does, or where nobody can tell. */
  readonly untilMs: number | null
  /** With the user's own values. */
  readonly commands: readonly string[]
}

/** One step of a runbook. */
export interface Step {
  readonly text: string
  /** To be pasted; null where the step is none for this tool. */
  readonly command: string | null
}

export interface DoctorOutcome {
  readonly checkedAt: string
  readonly stores: readonly StoreReport[]
  readonly backups: { readonly place: string; readonly stores: readonly BackupReport[] } | null
  /** Moments of Postgres that its archive can bring back; null where there are none, or nobody has named it. */
  readonly window: RecoveryWindow | null
  readonly wal: WalReport | null
  readonly problems: readonly Problem[]
  readonly matrix: readonly MatrixRow[]
  /** For the store that was named as lost. */
  readonly runbook: { readonly lost: Lost; readonly steps: readonly Step[] } | null
}
