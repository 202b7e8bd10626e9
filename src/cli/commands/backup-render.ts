import { renderKubernetes } from '../../backup/schedule/kubernetes.js'
import { renderSystemd } from '../../backup/schedule/systemd.js'
import { scheduleOptions } from '../../config/parsed-backup.js'
import { toolVersion } from '../../pipeline/version.js'
import { renderJson } from '../../report/json.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger backup render`: files on stdout, each behind a line with its name. */
export function runBackupRender({ settings, stdout }: Session): number {
  const options = scheduleOptions(settings)
  const files =
    options.kind === 'systemd' ? renderSystemd(options) : { 'obleth-ledger-backup.yaml': renderKubernetes(options) }
  const document = { command: 'backup render', version: toolVersion(), status: 'ok', files }
  if (settings.values.json) stdout.write(renderJson(document))
  else
    stdout.write(
      Object.entries(files)
        .map(([name, text]) => `# ${name}\n${text}`)
        .join('\n'),
    )
  return EXIT.done
}
