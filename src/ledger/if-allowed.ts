import { LedgerError } from '../domain/errors.js'

/** The answer, or null where the user lacks the right to it, which is then told: for what a run can do without. */
export async function ifAllowed<T>(read: Promise<T>, denied: () => void): Promise<T | null> {
  try {
    return await read
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'access_denied') throw error
    denied()
    return null
  }
}
