import { readFileSync } from 'node:fs'

/**
 * Whether a process with this number runs on this machine, ours to signal or not. One that has ended and that its parent has
 * not asked after yet holds nothing any more, and does not count (Linux tells; elsewhere it counts).
 */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return !/^[ZXx]$/.test(processStat(pid)[0] ?? '')
}

/** Fields of /proc/<pid>/stat behind the program's name: the state first, the start time the twentieth. None where there is no such file. */
export function processStat(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
