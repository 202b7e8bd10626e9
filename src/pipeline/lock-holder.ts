import { hostname } from 'node:os'
import { isProcessAlive, processStat } from '../domain/process-alive.js'

/** Who holds a lock, as it stands in the lock. */
export interface Holder {
  readonly pid: number
  readonly host: string
  readonly alive: boolean
}

/** This process, as a lock names it. */
export const thisHolder = (): string => `${process.pid} ${startOf(process.pid)} ${hostname()}`

/** Null where the text was never written whole. */
export function readHolder(text: string): Holder | null {
  const [pid, start, host = ''] = text.trim().split(' ')
  if (!/^\d+$/.test(pid)) return null
  // On another machine, as with a shared folder, nobody can tell: it counts as alive.
  const alive = host !== hostname() || (isProcessAlive(Number(pid)) && (start === '' || start === startOf(Number(pid))))
  return { pid: Number(pid), host, alive }
}

/** Tells a process from a later one with the same number (Linux); empty where the system does not say. */
function startOf(pid: number): string {
  return processStat(pid)[19] ?? ''
}
