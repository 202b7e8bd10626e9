import { execa } from 'execa'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'

/** As much of what a program says as is kept. */
const MOST_SAID_BYTES = 64 << 10
/** A program that was asked to end has this long, ms. */
const END_WITHIN_MS = 5_000
/** As a shell tells of it. */
const KILLED = 137

export interface ProgramOptions {
  /** Added to this process's environment, or taken from it: the place for passwords, which arguments are not. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** What the program reads; nothing where not given. */
  readonly input?: AsyncIterable<Uint8Array>
  /** Run as this user, where this process is root: the owner of a cluster. */
  readonly as?: { readonly uid: number; readonly gid: number }
  readonly cwd?: string
  /** True: it ends when this process does, even where that is killed. For what must not go on without anybody. */
  readonly endsWithUs?: boolean
  /** Longest run, ms; for programs that wait for a dead server much longer than anybody should. */
  readonly deadlineMs?: number
  readonly signal: AbortSignal
}

/** What a program came to. Its words are English and bounded; they come from outside. */
export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, whatever it ends with. Throws `config` where it is missing, and the signal's reason. */
export async function run(program: string, args: readonly string[], options: ProgramOptions): Promise<Ran> {
  const guarded = options.endsWithUs === true
  const [called, ...words] = guarded ? ['sh', '-c', GUARD, 'sh', program, ...args] : [program, ...args]
  const stdin = guarded ? 'pipe' : inputOf(options)
  const result = await execa(called, words, { ...settings(options), stdin, encoding: 'utf8' })
  return ranOf(result, result.stdout, result.stderr, program, options)
}

/**
 * Runs a program and ends it when its own input, a pipe that this process holds, comes to its end. By SIGINT, at which a
 * server of PostgreSQL does not wait for its clients.
 */
const GUARD = `exec 3<&0 </dev/null
"$@" 3<&- & child=$!
trap 'kill -INT $child' TERM INT
{ read -r _; kill -INT $child; } <&3 >/dev/null 2>&1 & watch=$!
exec 3<&-
wait $child; code=$?
while kill -0 $child; do wait $child; code=$?; done 2>/dev/null
kill $watch 2>/dev/null
exit $code`

/** A program whose output is read while it runs. */
export interface Running {
  readonly stdout: AsyncIterable<Uint8Array>
  /** How it ended: to be asked for once `stdout` has been read to its end. `stdout` of it is empty. */
  ended(): Promise<Ran>
  /** Ends it; for whoever does not read on. */
  stop(): void
}

/**
 * Starts a program for its output. What comes out of it proves nothing until `ended()` says 0: pg_dump, age and gpg have
 * all written much before they fail.
 */
export function stream(program: string, args: readonly string[], options: ProgramOptions): Running {
  const child = execa(program, [...args], {
    ...settings(options),
    stdin: inputOf(options),
    encoding: 'buffer',
    buffer: { stdout: false, stderr: true },
  })
  return {
    stdout: child.stdout as AsyncIterable<Uint8Array>,
    ended: async () => {
      const result = await child
      return ranOf(result, '', Buffer.from(result.stderr).toString(), program, options)
    },
    stop: () => void child.kill('SIGTERM'),
  }
}

const inputOf = ({ input }: ProgramOptions) => (input === undefined ? 'ignore' : (input as AsyncIterable<unknown>))

function settings({ env, as, cwd, deadlineMs, signal }: ProgramOptions) {
  return {
    // Messages are classified by their English words.
    env: { LC_ALL: 'C', ...env },
    ...(as === undefined ? {} : { uid: as.uid, gid: as.gid }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(deadlineMs === undefined ? {} : { timeout: deadlineMs }),
    cancelSignal: signal,
    forceKillAfterDelay: END_WITHIN_MS,
    reject: false,
    stripFinalNewline: false,
  } as const
}

interface Ended {
  readonly exitCode?: number | undefined
  readonly code?: string | undefined
  readonly timedOut: boolean
}

function ranOf(ended: Ended, stdout: string, stderr: string, program: string, options: ProgramOptions): Ran {
  options.signal.throwIfAborted()
  if (ended.code === 'ENOENT' || ended.code === 'EACCES') throw missing(program)
  if (ended.timedOut)
    throw new LedgerError(
      'target_unreachable',
      `${program} has not ended within ${(options.deadlineMs ?? 0) / 1000} s`,
      {
        place: program,
        hint: 'see whether the server and the store that it talks to answer, then run the same command again',
        retryable: true,
      },
    )
  // Without a code it was killed.
  return { exitCode: ended.exitCode ?? KILLED, stdout, stderr: stderr.slice(-MOST_SAID_BYTES) }
}

/** Packages of Debian that hold a program, where their name is another one. */
const PACKAGES: Readonly<Record<string, string>> = {
  pg_dump: 'postgresql-client',
  pg_restore: 'postgresql-client',
  pg_dumpall: 'postgresql-client',
  initdb: 'postgresql',
  pg_ctl: 'postgresql',
  psql: 'postgresql-client',
  pg_waldump: 'postgresql',
  gpg: 'gnupg',
  'redis-cli': 'redis-tools',
  'redis-check-rdb': 'redis-tools',
  'redis-check-aof': 'redis-tools',
}

function missing(program: string): LedgerError {
  const name = program.split('/').at(-1) ?? program
  return new LedgerError('config', `the program ${name} is needed, and cannot be run`, {
    place: printable(program),
    hint: `install it (Debian package ${PACKAGES[name] ?? name}), then run the same command again`,
  })
}

/** The last lines that a program said, for a message: bounded, without control bytes. */
export function lastWords({ stderr, stdout }: Ran, lines = 3): string {
  const said = (stderr.trim() || stdout.trim()).split('\n').slice(-lines).join('; ')
  return printable(said.slice(-600)) || 'it said nothing'
}
