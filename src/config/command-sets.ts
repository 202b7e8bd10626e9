/** Commands that share options; `config show` has every option and stands in none of these. */

import type { CommandName } from './command-names.js'

const CHANGING_RUNS: readonly CommandName[] = ['runs discard', 'runs undo']
const EVERY: readonly CommandName[] = [
  'replay',
  'inspect',
  'collect',
  'query',
  'bill',
  'audit',
  'runs list',
  'runs show',
  ...CHANGING_RUNS,
  'repair',
]
export const TAKING: readonly CommandName[] = ['backup postgres', 'backup redis', 'backup clickhouse']
const RESTORING: readonly CommandName[] = ['restore postgres', 'restore redis', 'restore clickhouse']
/** What reads or writes backups. */
const BACKUPS: readonly CommandName[] = [
  ...TAKING,
  ...RESTORING,
  'backups list',
  'backups verify',
  'backups drill',
  'backups prune',
  'doctor',
]
export const BACKUPS_AND_SHOW: readonly CommandName[] = [...BACKUPS]
/** What has to read what is in a backup. */
export const OPENING: readonly CommandName[] = [...RESTORING, 'backups verify', 'backups drill', 'doctor']
export const DOCTOR: readonly CommandName[] = ['doctor']
export const TAKING_AND_OPENING: readonly CommandName[] = [...TAKING, ...OPENING]
export const REDIS: readonly CommandName[] = ['backup redis', 'doctor']
export const INTO: readonly CommandName[] = ['restore redis', 'restore postgres', 'pitr render']
export const REDIS_RESTORE: readonly CommandName[] = ['restore redis']
export const PRUNE: readonly CommandName[] = ['backups prune']
export const SCHEDULE: readonly CommandName[] = ['backup render']
export const TTL: readonly CommandName[] = ['ttl show', 'ttl set']
/** What knows of a cluster and the tool that archives it. */
const ARCHIVED: readonly CommandName[] = ['restore postgres', 'pitr render', 'pitr check', 'doctor']
export const ARCHIVED_AND_SHOW: readonly CommandName[] = [...ARCHIVED]
export const RENDER: readonly CommandName[] = ['pitr render']
export const CHECK: readonly CommandName[] = ['pitr check', 'doctor']
export const RESTORE_POSTGRES: readonly CommandName[] = ['restore postgres']
export const CLICKHOUSE_BACKUPS: readonly CommandName[] = [
  'backup clickhouse',
  'restore clickhouse',
  'backups verify',
  'backups drill',
]
export const CLICKHOUSE_TAKING: readonly CommandName[] = ['backup clickhouse']
/** What has to reach the program clickhouse-backup. */
export const CLICKHOUSE_BACKUP_PROGRAM: readonly CommandName[] = [...CLICKHOUSE_BACKUPS, 'backups prune']
export const ANY: readonly CommandName[] = [
  ...EVERY,
  ...BACKUPS,
  'backup render',
  'pitr render',
  'pitr check',
  ...TTL,
  'bench',
]
/** What talks to the ledger. */
export const LEDGER: readonly CommandName[] = [
  ...EVERY,
  'backup clickhouse',
  'restore clickhouse',
  'backups verify',
  'backups drill',
  'doctor',
  ...TTL,
]
/** A measurement has a database of its own, and never the ledger's. */
export const SERVER: readonly CommandName[] = [...LEDGER, 'bench']
export const BENCH: readonly CommandName[] = ['bench']
export const COLLECT: readonly CommandName[] = ['collect']
const READING: readonly CommandName[] = ['replay', 'inspect']
export const REPLAY: readonly CommandName[] = ['replay']
export const REPLAY_AND_REPAIR: readonly CommandName[] = [...REPLAY, 'repair']
export const CHANGING: readonly CommandName[] = [...REPLAY_AND_REPAIR, ...CHANGING_RUNS, ...RESTORING]
/** What holds the lock on the ledger. */
export const LOCKING: readonly CommandName[] = [
  ...REPLAY_AND_REPAIR,
  ...CHANGING_RUNS,
  'backup clickhouse',
  'restore clickhouse',
]
export const TRYING: readonly CommandName[] = [...REPLAY_AND_REPAIR, ...RESTORING]
export const COMPARING: readonly CommandName[] = [...READING, 'audit', 'bill']
export const SOURCED: readonly CommandName[] = [...COMPARING, 'collect', 'doctor', 'bench']
export const S3: readonly CommandName[] = [...SOURCED, ...BACKUPS, 'pitr render']
export const REPLAY_AUDIT_AND_BILL: readonly CommandName[] = [...REPLAY, 'audit', 'bill']
export const AUDIT: readonly CommandName[] = ['audit']
export const AUDIT_AND_BILL: readonly CommandName[] = ['audit', 'bill']
export const QUERY: readonly CommandName[] = ['query']
export const QUERY_AND_BILL: readonly CommandName[] = ['query', 'bill']
export const BILL: readonly CommandName[] = ['bill']
export const READING_AND_BILL: readonly CommandName[] = [...READING, 'bill']
