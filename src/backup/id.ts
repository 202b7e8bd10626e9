import { randomBytes } from 'node:crypto'

const ID = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{6}$/

/** A new backup's name: when it began, in UTC, and what tells it from one begun in the same second. Sorts by time. */
export function newBackupId(nowMs: number): string {
  const moment = new Date(nowMs).toISOString().replace(/\.\d+/, '').replace(/[-:]/g, '')
  return `${moment}-${randomBytes(3).toString('hex')}`
}

/** When a backup began, unix ms, from its name; null for what is no such name. */
export function startOf(id: string): number | null {
  const match = ID.exec(id)
  if (match === null) return null
  const [, year, month, day, hour, minute, second] = match
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(ms) ? null : ms
}
