import type { Settings } from '../config/resolve.js'
import type { Printer } from '../report/printer.js'
import type { Words } from './arguments.js'
import type { Asker } from './confirm.js'

/** What a command gets: parsed options, whom to tell, whom to ask. */
export interface Session {
  readonly settings: Settings
  readonly printer: Printer
  readonly signal: AbortSignal
  readonly asker: Asker | null
  readonly words: Words
  readonly stdout: NodeJS.WriteStream
  readonly colors: boolean
}
