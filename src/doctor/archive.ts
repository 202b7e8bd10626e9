import { checkPitr } from '../backup/pitr/index.js'
import type { Problem } from '../domain/doctor.js'
import { LedgerError } from '../domain/errors.js'
import type { AgeLimits, ArchivedCluster, RecoveryWindow } from '../domain/pitr.js'

/** What continuous archiving of Postgres can bring back. Never throws for what it finds, nor where it finds nothing. */
export async function examineArchive(
  cluster: ArchivedCluster,
  limits: AgeLimits,
  nowMs: number,
  signal: AbortSignal,
): Promise<{ window: RecoveryWindow | null; problems: Problem[] }> {
  const about = 'archive of postgres'
  try {
    const { window, findings } = await checkPitr(cluster, limits, nowMs, signal)
    return { window, problems: findings.map(({ message, hint }) => ({ about, reason: message, next: hint })) }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    const next = error.hint ?? 'obleth-ledger pitr check tells more'
    return { window: null, problems: [{ about, reason: error.message, next }] }
  }
}
