import { refuseSecretsInArguments } from '../config/argv-secrets.js'
import type { CommandName } from '../config/command-names.js'
import { resolveSettings, type Settings } from '../config/resolve.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { isNoRoom } from '../domain/write-error.js'
import { toolVersion } from '../pipeline/version.js'
import { createPrinter, type Look, type Outputs, type Printer } from '../report/printer.js'
import { parseArguments } from './arguments.js'
import { runAudit } from './commands/audit.js'
import { runCollect } from './commands/collect.js'
import { runConfigShow } from './commands/config-show.js'
import { runInspect } from './commands/inspect.js'
import { runQuery } from './commands/query.js'
import { runRepair } from './commands/repair.js'
import { runReplay } from './commands/replay.js'
import { runRunsDiscard, runRunsList, runRunsShow, runRunsUndo } from './commands/runs.js'
import { runTtlSet, runTtlShow } from './commands/ttl.js'
import { EXIT, exitCodeOfError } from './exit-codes.js'
import type { Session } from './session.js'
import { type Interruption, watchSignals } from './signals.js'

const COMMANDS: Record<CommandName, (session: Session) => number | Promise<number>> = {
  replay: runReplay,
  inspect: runInspect,
  collect: runCollect,
  query: runQuery,
  repair: runRepair,
  // By itself: its forms of output are of no use to the others, whose start they would slow.
  bill: async (session) => (await import('./commands/bill.js')).runBill(session),
  audit: runAudit,
  bench: async (session) => (await import('./commands/bench.js')).runBench(session),
  doctor: async (session) => (await import('./commands/doctor.js')).runDoctor(session),
  'backup postgres': async (session) => (await import('./commands/backup.js')).runBackup(session, 'postgres'),
  'backup redis': async (session) => (await import('./commands/backup-redis.js')).runBackupRedis(session),
  'backup clickhouse': async (session) => (await import('./commands/backup.js')).runBackup(session, 'clickhouse'),
  'restore postgres': async (session) =>
    session.settings.values.to === undefined
      ? (await import('./commands/restore-postgres.js')).runRestorePostgres(session)
      : (await import('./commands/restore-postgres-to.js')).runRestorePostgresTo(session),
  'restore redis': async (session) => (await import('./commands/restore-redis.js')).runRestoreRedis(session),
  'restore clickhouse': async (session) =>
    (await import('./commands/restore-clickhouse.js')).runRestoreClickhouse(session),
  'backups list': async (session) => (await import('./commands/backups.js')).runBackupsList(session),
  'backups verify': async (session) => (await import('./commands/backups.js')).runBackupsVerify(session),
  'backups prune': async (session) => (await import('./commands/backups.js')).runBackupsPrune(session),
  'backups drill': async (session) => (await import('./commands/backups.js')).runBackupsDrill(session),
  'backup render': async (session) => (await import('./commands/backup-render.js')).runBackupRender(session),
  'pitr render': async (session) => (await import('./commands/pitr.js')).runPitrRender(session),
  'pitr check': async (session) => (await import('./commands/pitr.js')).runPitrCheck(session),
  'ttl show': runTtlShow,
  'ttl set': runTtlSet,
  'runs list': runRunsList,
  'runs show': runRunsShow,
  'runs discard': runRunsDiscard,
  'runs undo': runRunsUndo,
  'config show': runConfigShow,
}

/** Only these come to a stop by themselves; the others hold nothing that an exit could harm. */
const STOPPABLE: readonly CommandName[] = [
  'replay',
  'inspect',
  'collect',
  'repair',
  'runs undo',
  'backup postgres',
  'backup redis',
  'backup clickhouse',
  'restore postgres',
  'restore redis',
  'restore clickhouse',
  'backups verify',
  'backups prune',
  'backups drill',
  'pitr check',
  'bench',
]

/** Runs the command line of this process and returns its exit code; errors are printed, none is thrown. */
export async function run(argv: readonly string[]): Promise<number> {
  const version = toolVersion()
  let printer = createPrinter(earlyLook(argv), outputs(), version)
  let interruption: Interruption | undefined
  let command: CommandName | null = null
  try {
    refuseSecretsInArguments(argv)
    const invocation = await parseArguments(argv, version)
    if (invocation.kind === 'text') {
      process.stdout.write(invocation.text)
      return EXIT.done
    }
    command = invocation.command
    const settings = await resolveSettings({ flags: invocation.flags, env: process.env, cwd: process.cwd() })
    const look = lookOf(settings)
    printer = createPrinter(look, outputs(), version)
    for (const warning of settings.warnings) printer.warn(warning)
    if (STOPPABLE.includes(command)) interruption = watchSignals((signal) => printer.warn(stopping(signal)))
    return await COMMANDS[command]({
      settings,
      printer,
      signal: interruption?.signal ?? new AbortController().signal,
      asker: process.stdin.isTTY && process.stderr.isTTY ? { input: process.stdin, output: process.stderr } : null,
      words: invocation.words,
      stdout: process.stdout,
      colors: look.colors.out,
    })
  } catch (thrown) {
    return report(thrown, printer, command, interruption?.received() ?? null)
  } finally {
    printer.close()
    interruption?.stop()
  }
}

/** Tells of an error that nothing caught, and returns the exit code. */
export function crashed(error: unknown, argv: readonly string[]): number {
  createPrinter(earlyLook(argv), outputs(), toolVersion()).failure(withoutRoom(error), null, false)
  return EXIT.failed
}

function report(thrown: unknown, printer: Printer, command: CommandName | null, signal: NodeJS.Signals | null): number {
  const error = signal === null ? withoutRoom(thrown) : interrupted(thrown, signal)
  const code = exitCodeOfError(error, signal)
  printer.failure(error, command, code === EXIT.refused)
  return code
}

/** A full disk, wherever it is met, is no fault of the program. */
function withoutRoom(thrown: unknown): unknown {
  if (thrown instanceof LedgerError || !isNoRoom(thrown)) return thrown
  const { path } = thrown as NodeJS.ErrnoException
  return new LedgerError('disk_full', `a disk is full: ${printable(String(thrown))}`, {
    ...(path === undefined ? {} : { place: printable(path) }),
    hint: 'free some space where the output, --state-dir and TMPDIR are, then run the same command again',
    cause: thrown,
  })
}

/** An abort that a library threw is an interruption too; every other error keeps its own meaning. */
function interrupted(thrown: unknown, signal: NodeJS.Signals): unknown {
  if (!(thrown instanceof Error) || thrown.name !== 'AbortError') return thrown
  return new LedgerError('interrupted', `stopped by ${signal}`, {
    hint: 'run the same command again: it goes on where this one stopped, or begins anew where there is nothing to go on with',
    cause: thrown,
  })
}

const stopping = (signal: NodeJS.Signals): string => {
  return `${signal}: stopping after the current block${signal === 'SIGINT' ? '; press Ctrl-C again to quit at once' : ''}`
}

const outputs = (): Outputs => ({
  out: (text) => void process.stdout.write(text),
  screen: {
    stream: process.stderr,
    terminal: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
    now: () => performance.now(),
  },
})

/** How to print what goes wrong before the options are known. */
function earlyLook(argv: readonly string[]): Look {
  const asked = (flag: string) => argv.includes(flag)
  return lookFor(asked('--json'), asked('--quiet'), asked('--verbose'), asked('--no-color') || !!process.env.NO_COLOR)
}

function lookOf({ values }: Settings): Look {
  return lookFor(values.json, values.quiet, values.verbose, values['no-color'])
}

function lookFor(json: boolean, quiet: boolean, verbose: boolean, noColor: boolean): Look {
  const colors = (stream: NodeJS.WriteStream) => stream.isTTY === true && !noColor && process.env.TERM !== 'dumb'
  return { json, quiet, verbose, colors: { out: colors(process.stdout), err: colors(process.stderr) } }
}
