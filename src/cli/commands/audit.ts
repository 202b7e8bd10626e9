import { auditOptions, comparedInput, targetOptions } from '../../config/parsed.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderAudit } from '../../report/audit.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger audit`: 4 where something was found that nobody answers for. */
export async function runAudit({ settings, printer, signal, stdout, colors }: Session): Promise<number> {
  const { values } = settings
  const [target, options, input] = [targetOptions(settings), auditOptions(settings), comparedInput(settings)]
  const outcome = await (input === null
    ? (await import('../../audit/index.js')).audit(target, options, Date.now(), null)
    : (await import('../../pipeline/audit.js')).auditSources(
        target,
        options,
        input,
        { emit: printer.emit, signal },
        Date.now(),
      ))
  if (values.report !== undefined) {
    const { writeAuditPage } = await import('../../report/audit-html.js')
    await writeAuditPage(values.report, outcome, toolVersion(), new Date())
  }
  const clean = outcome.findings.every(({ waiver }) => waiver !== null)
  if (values.json) {
    const status = clean ? 'ok' : 'mismatch'
    stdout.write(renderJson({ command: 'audit', version: toolVersion(), status, ...outcome }))
  } else if (!values.quiet) stdout.write(renderAudit(outcome, createStyle(colors)))
  return clean ? EXIT.done : EXIT.mismatch
}
