import { readdir, readFile, stat } from 'node:fs/promises'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'

/** Servers that speak Redis's protocol and keep its files, by the names of their programs. */
const SERVERS = /redis|valkey|keydb/i

/**
 * Refuses a directory that a server uses: each stands in its data directory from start to end, in a container too, whose
 * processes are seen on its host.
 *
 * @throws LedgerError `refused` naming the process
 */
export async function assertNotInUse(directory: string): Promise<void> {
  const own = await stat(directory)
  for (const pid of await processes()) {
    const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    if (!SERVERS.test(program)) continue
    const standsIn = await stat(`/proc/${pid}/cwd/`).catch((error) => error as NodeJS.ErrnoException)
    if (standsIn instanceof Error) {
      if (standsIn.code === 'EACCES' || standsIn.code === 'EPERM') throw unseen(pid, program, directory)
      continue
    }
    if (standsIn.dev === own.dev && standsIn.ino === own.ino) throw inUse(pid, program, directory)
  }
}

/** Numbers of the processes that run; none where the system has no list of them. */
async function processes(): Promise<string[]> {
  const names = await readdir('/proc').catch(() => [])
  return names.filter((name) => /^\d+$/.test(name))
}

function inUse(pid: string, program: string, directory: string): LedgerError {
  return new LedgerError('refused', `a running server uses the directory: ${told(program)}, process ${pid}`, {
    place: printable(directory),
    hint: 'stop it (systemctl stop redis-server, docker compose stop redis), then run the same command again; it would write over what is restored',
  })
}

function unseen(pid: string, program: string, directory: string): LedgerError {
  return new LedgerError(
    'refused',
    `${told(program)}, process ${pid}, may be using the directory: this user cannot see`,
    {
      place: printable(directory),
      hint: 'run the same command as root or as the user of that server, or stop it',
    },
  )
}

const told = (program: string): string => printable(program.trim())
