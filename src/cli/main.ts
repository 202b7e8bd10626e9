import { endProcess } from './end-process.js'
import { crashed, run } from './run.js'

const argv = process.argv.slice(2)

const wasClosed = (error: Error | null) => (error as NodeJS.ErrnoException | null)?.code === 'EPIPE'

// Once: to say so with --json fails in the same way.
let failed = false
function outputFailed(error: Error): void {
  if (failed) return
  failed = true
  void endProcess(crashed(error, argv))
}

/**
 * A reader that went away (`| head`) wants nothing more. A replay goes on and only its words are lost; what only prints ends.
 * Where the output cannot be written, as on a full disk, the command has failed, whatever it did.
 */
process.stdout.on('error', (error) => {
  if (!wasClosed(error)) return outputFailed(error)
  if (argv[0] === 'query' || argv[0] === 'bill') void endProcess(0)
})
process.stderr.on('error', () => {})

process.on('uncaughtException', (error) => void endProcess(crashed(error, argv)))

const code = await run(argv)
// Not left to the event loop: a connection that lingers must not keep a finished command alive.
process.stdout.write('', () => {
  const { errored } = process.stdout
  if (errored === null || wasClosed(errored)) process.exit(code)
})
