import { resolve } from 'node:path'
import type { ScheduleOptions } from '../../domain/backup.js'
import { isS3 } from '../storage/open.js'
import { commandsOf, timeOf, VARIABLES } from './commands.js'

const NAME = 'obleth-ledger-backup@'

/**
 * Templates of a systemd service and its timer, by file name, for an instance a store. Passwords stand in the environment
 * file, which the user writes.
 */
export function renderSystemd({ backups, minuteOfDay, stores }: ScheduleOptions): Record<string, string> {
  const place = isS3(backups) ? backups : resolve(backups)
  // systemd puts the instance's name, the store, in place of %i.
  const [backup, prune] = commandsOf('%i', place)
  const timers = stores.map((store) => `${NAME}${store}.timer`)
  const service = [
    "# Backs up one of obleth's stores; the part behind the @ names it.",
    '[Unit]',
    "Description=Backup of obleth's %i",
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=oneshot',
    `# Lines NAME=value for what is used of ${VARIABLES.join(', ')}:`,
    '# mode 0600, owner root.',
    'EnvironmentFile=/etc/obleth-ledger/backup.env',
    `ExecStart=${backup.map((word) => (word === '%i' ? word : quoted(word))).join(' ')}`,
    '# Only after a backup that succeeded.',
    `ExecStartPost=${prune.map(quoted).join(' ')}`,
    'UMask=0077',
    'NoNewPrivileges=yes',
    'PrivateTmp=yes',
  ]
  const timer = [
    '# Both files into /etc/systemd/system, then:',
    `#   systemctl daemon-reload && systemctl enable --now ${timers.join(' ')}`,
    '[Unit]',
    "Description=Daily backup of obleth's %i",
    '',
    '[Timer]',
    `OnCalendar=*-*-* ${timeOf(minuteOfDay)}:00 UTC`,
    '# A run that was missed while the machine was off is made up for.',
    'Persistent=true',
    '',
    '[Install]',
    'WantedBy=timers.target',
  ]
  return { [`${NAME}.service`]: `${service.join('\n')}\n`, [`${NAME}.timer`]: `${timer.join('\n')}\n` }
}

/** As systemd.service(5) reads a word: percent and dollar signs stand for something else unless they are doubled. */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w@:/.,=+%-]+$/.test(plain) ? plain : `"${plain.replace(/[\\"]/g, '\\$&')}"`
}
