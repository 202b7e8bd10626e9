import { endProcess } from './end-process.js'
import { crashed, run } from './run.js'

const argv = process.argv.slice(2)

/** A reader that went away (`| head`) wants nothing more. A replay goes on and only its words are lost; what only prints ends. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  if (argv[0] === 'query' || argv[0] === 'bill') void endProcess(0)
})
process.stderr.on('error', () => {})

process.on('uncaughtException', (error) => void endProcess(crashed(error, argv)))

const code = await run(argv)
// Not left to the event loop: a connection that lingers must not keep a finished command alive.
process.stdout.write('', () => process.exit(code))
