import { s3Options } from '../../config/parsed.js'
import { backupsOptions, pitrCheckOptions } from '../../config/parsed-backup.js'
import { doctor } from '../../doctor/index.js'
import { writeMetrics } from '../../doctor/metrics.js'
import type { DoctorOutcome } from '../../domain/doctor.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderDoctor, renderRunbook } from '../../report/doctor.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger doctor`: 4 where something needs attention; a runbook alone is no finding. */
export async function runDoctor(session: Session): Promise<number> {
  const { settings, stdout, colors } = session
  const { json, quiet } = settings.values
  const outcome = await examined(session)
  const healthy = outcome.problems.length === 0
  const style = createStyle(colors)
  if (json)
    stdout.write(
      renderJson({ command: 'doctor', version: toolVersion(), status: healthy ? 'ok' : 'attention', ...outcome }),
    )
  else if (outcome.runbook !== null) stdout.write(renderRunbook(outcome.runbook, style))
  else if (!quiet || !healthy) stdout.write(renderDoctor(outcome, style))
  return healthy || outcome.runbook !== null ? EXIT.done : EXIT.mismatch
}

/** The metrics are written whatever comes of it. */
async function examined({ settings, signal }: Session): Promise<DoctorOutcome> {
  const { values } = settings
  const nowMs = Date.now()
  let outcome: DoctorOutcome | null = null
  try {
    const options = {
      ...backupsOptions(settings),
      s3: s3Options(settings),
      sources: values.source,
      concurrency: values.concurrency,
      maxBackupAgeMs: values['max-backup-age'],
      // The default configuration may be that of another machine's archive, or of none.
      archive: values['tool-config'] === undefined ? null : pitrCheckOptions(settings),
      lost: values.lost,
    }
    outcome = await doctor(options, nowMs, signal)
    return outcome
  } finally {
    if (values.metrics !== undefined) await writeMetrics(values.metrics, outcome, nowMs)
  }
}
