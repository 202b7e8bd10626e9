import { checkPitr, renderPitr, writeRendered } from '../../backup/pitr/index.js'
import { pitrCheckOptions, pitrRenderOptions } from '../../config/parsed-backup.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { renderCheck, renderFiles, renderWritten } from '../../report/pitr.js'
import { createStyle } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger pitr render`: prints configuration, or writes it with `--into`. */
export async function runPitrRender({ settings, stdout, colors }: Session): Promise<number> {
  const { into, json, quiet } = settings.values
  const files = renderPitr(pitrRenderOptions(settings))
  const written = into === undefined ? null : await writeRendered(files, into)
  const head = { command: 'pitr render', version: toolVersion(), status: 'ok' }
  if (json) stdout.write(renderJson({ ...head, files, written }))
  else if (written === null) stdout.write(renderFiles(files))
  else if (!quiet) stdout.write(renderWritten(written, files, createStyle(colors)))
  return EXIT.done
}

/** `obleth-ledger pitr check`: 4 where something stands between the cluster and its recovery. */
export async function runPitrCheck({ settings, signal, stdout, colors }: Session): Promise<number> {
  const { cluster, limits } = pitrCheckOptions(settings)
  const checked = await checkPitr(cluster, limits, Date.now(), signal)
  const { json, quiet } = settings.values
  const sound = checked.findings.length === 0
  const status = sound ? 'ok' : 'mismatch'
  if (json) stdout.write(renderJson({ command: 'pitr check', version: toolVersion(), status, ...checked }))
  else if (!quiet || !sound) stdout.write(renderCheck(checked, Date.now(), createStyle(colors)))
  return sound ? EXIT.done : EXIT.mismatch
}
