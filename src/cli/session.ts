import type { Settings } from '../config/resolve.js'
import type { Printer } from '../report/printer.js'
import type { Asker } from './confirm.js'

/** What a command gets: parsed options, whom to tell, whom to ask. */
export interface Session {
  readonly settings: Settings
  readonly printer: Printer
  readonly signal: AbortSignal
  readonly asker: Asker | null
  /** Positional SQL of `query`, '' elsewhere. */
  readonly sql: string
  readonly stdout: NodeJS.WriteStream
  readonly colors: boolean
}
