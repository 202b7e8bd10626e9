import { LedgerError } from '../../../domain/errors.js'
import { parseJson } from '../../manifest.js'
import { lastWords, run } from '../../program.js'
import { failureOf, strangeAnswer } from './failure.js'
import { printedList } from './listed.js'
import type { Program } from './program.js'

const PROGRAM = 'clickhouse-backup'

/**
 * clickhouse-backup as a program of this machine, which then has to be the host of the ClickHouse server: it links and reads
 * the server's own files. Its configuration is its own (/etc/clickhouse-backup/config.yml and the environment, such as
 * REMOTE_STORAGE, S3_SECRET_KEY, CLICKHOUSE_PASSWORD), which it inherits; nothing secret is ever among its arguments.
 * Arguments as cmd/clickhouse-backup/main.go of 2.8 takes them, flags before names.
 *
 * @param stepMs longest run of one step, ms
 */
export function commandLine(stepMs: number): Program {
  const ask = async (step: string, args: readonly string[], signal: AbortSignal) => {
    const ran = await run(PROGRAM, args, { deadlineMs: stepMs, signal }).catch((error: unknown) => {
      throw explained(error)
    })
    // Logs go to stderr, whatever it ends with.
    if (ran.exitCode !== 0) throw failureOf(step, withoutSecrets(lastWords(ran)), PROGRAM)
    return ran.stdout
  }
  return {
    place: PROGRAM,
    async version(signal) {
      const said = await ask('--version', ['--version'], signal)
      return /^Version:\s*(\S{1,40})/m.exec(said)?.[1] ?? 'unknown'
    },
    async create(name, database, signal) {
      await ask('create', ['create', '-t', `${database}.*`, name], signal)
    },
    async upload(name, signal) {
      await ask('upload', ['upload', name], signal)
    },
    async download(name, signal) {
      await ask('download', ['download', name], signal)
    },
    async restore(name, { part, from, into }, signal) {
      await ask('restore', ['restore', part === 'schema' ? '-s' : '-d', '-m', `${from}:${into}`, name], signal)
    },
    async list(where, signal) {
      const read = printedList.safeParse(parseJson(await ask('list', ['list', '-f', 'json', where], signal)))
      if (!read.success) throw strangeAnswer('list', 'it is not the list of backups as JSON', PROGRAM)
      return read.data ?? []
    },
    async delete(where, name, signal) {
      await ask('delete', ['delete', where, name], signal)
    },
  }
}

function explained(error: unknown): unknown {
  if (!(error instanceof LedgerError)) return error
  if (error.code === 'config')
    return new LedgerError('config', `${PROGRAM} cannot be run on this machine`, {
      place: PROGRAM,
      hint: 'run this on the host of the ClickHouse server, where clickhouse-backup is installed, or name its REST API with --clickhouse-backup-url',
      cause: error,
    })
  if (error.code === 'target_unreachable')
    return new LedgerError(error.code, error.message, {
      place: PROGRAM,
      hint: 'see what keeps it, or raise --clickhouse-backup-timeout, then run the same command again',
      retryable: true,
      cause: error,
    })
  return error
}

const SECRET_NAME = /PASSWORD|SECRET|TOKEN|_KEY|CREDENTIALS|SAS/
/** What is shorter stands in too many innocent words. */
const SHORTEST_SECRET = 4

/** Its words without the values of variables that hold secrets, should it ever repeat one. */
function withoutSecrets(said: string): string {
  const secrets = Object.entries(process.env).flatMap(([name, value = '']) =>
    SECRET_NAME.test(name) && value.length >= SHORTEST_SECRET ? [value] : [],
  )
  return secrets.reduce((text, secret) => text.replaceAll(secret, '***'), said)
}
