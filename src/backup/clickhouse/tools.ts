import type { BackupManifest, ClickhouseBackupOptions } from '../../domain/backup.js'
import { clickhouseBackupTool, TOOL } from './clickhouse-backup/tool.js'
import { nativeTool } from './native.js'
import type { BackupTool } from './tool.js'

/** The tool for new backups, as the options say. */
export function toolFor(work: string, options: ClickhouseBackupOptions): BackupTool {
  return options.tool === TOOL ? clickhouseBackupTool(work, options.program) : nativeTool(work, options)
}

/** The tool that made a backup. */
export function toolOf({ contents }: BackupManifest, work: string, options: ClickhouseBackupOptions): BackupTool {
  return toolFor(work, { ...options, tool: contents.facts.tool === TOOL ? TOOL : 'native' })
}
