/** What a database of ours beside the ledger's is for. */
export type ScratchKind = 'backup' | 'restore' | 'trial' | 'probe' | 'before'

/** No plain identifier is longer. */
const LONGEST = 64

/**
 * Name of a database of ours beside the ledger's, which tells of both, as `obleth_restore_20260311T020000Z_1a2b3c`. A
 * ledger's name that leaves no room is cut.
 *
 * @param moment a backup's id, or a new one
 */
export function scratchName(database: string, kind: ScratchKind, moment: string): string {
  const ending = `_${kind}_${moment.replaceAll('-', '_')}`
  return `${database.slice(0, LONGEST - ending.length)}${ending}`
}

/** What of it was left behind by a command that is gone: beginning of its name. */
export function scratchPrefix(database: string, kind: ScratchKind): string {
  const name = scratchName(database, kind, '00000000T000000Z-000000')
  return name.slice(0, name.length - '00000000T000000Z_000000'.length)
}

/** A ledger's tables that are its own beside obleth's: what the runs remember. */
const REMEMBERED = /^usage_replay_(ids|plan|steps)$/

/** Whether a table belongs to a run under way: its lock, what it has staged. A backup has none of these. */
export const isOfRun = (name: string): boolean => name.startsWith('usage_replay_') && !REMEMBERED.test(name)

/** Whether a table is part of the ledger, so that it cannot stay where another ledger is put in its place. */
export const isOfLedger = (name: string): boolean => /^usage(_daily|_meta|_replay_\w+)?$/.test(name)
