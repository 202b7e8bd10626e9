import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isProcessAlive } from '../domain/process-alive.js'

/**
 * Who holds an embedded ledger's directory: ClickHouse keeps a flock on its file `status` and writes its process id
 * there. Undefined where nobody does. Where the system has no /proc/locks the process id decides.
 */
export function holderOf(directory: string): { pid: number | undefined } | undefined {
  const file = join(directory, 'status')
  let inode: number
  let text: string
  try {
    inode = statSync(file).ino
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  const written = /^PID: (\d+)$/m.exec(text)?.[1]
  const pid = written === undefined ? undefined : Number(written)
  const locks = kernelLocks()
  if (locks !== undefined) return locks.has(inode) ? { pid } : undefined
  return pid !== undefined && pid !== process.pid && isProcessAlive(pid) ? { pid } : undefined
}

/** Inodes with a flock, from lines such as `1: FLOCK  ADVISORY  WRITE 6503 fe:00:2146331 0 EOF`. */
function kernelLocks(): Set<number> | undefined {
  try {
    const held = readFileSync('/proc/locks', 'utf8').matchAll(/FLOCK\s+\S+\s+\S+\s+-?\d+\s+[0-9a-f]+:[0-9a-f]+:(\d+)/g)
    return new Set([...held].map((match) => Number(match[1])))
  } catch {
    return undefined
  }
}
