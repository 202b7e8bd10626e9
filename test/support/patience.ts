import type { Patience } from '../../src/ledger/patiently.js'

/** Nobody hears of waits, and they are short. */
export const IMPATIENT: Patience = { emit() {}, signal: new AbortController().signal, firstWaitMs: 1 }
