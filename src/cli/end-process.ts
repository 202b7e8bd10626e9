import { engineGate } from '../domain/engine-gate.js'

const LONGEST_STATEMENT_MS = 5_000

/**
 * Ends the process in a hurry: as soon as the embedded engine has ended its current statement. Where that takes more than
 * some seconds it is killed, which harms nothing: what a killed run leaves behind is made to be resumed.
 */
export async function endProcess(code: number): Promise<void> {
  if (!(await engineGate.bringToRest(LONGEST_STATEMENT_MS))) process.kill(process.pid, 'SIGKILL')
  process.exit(code)
}
