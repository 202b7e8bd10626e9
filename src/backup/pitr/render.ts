import type { ArchiveTool, RenderedFile, RenderOptions } from '../../domain/pitr.js'
import { renderBarman } from './render-barman.js'
import { renderCnpg } from './render-cnpg.js'
import { renderPgbackrest } from './render-pgbackrest.js'

const BY_TOOL: Readonly<Record<ArchiveTool, (options: RenderOptions) => RenderedFile[]>> = {
  pgbackrest: renderPgbackrest,
  barman: renderBarman,
  cnpg: renderCnpg,
}

/**
 * Configuration for continuous archiving of a cluster: what the server needs, what the tool needs, and the first commands.
 * Secrets are named, never written.
 *
 * @throws LedgerError `usage` for what the tool cannot do
 */
export function renderPitr(options: RenderOptions): RenderedFile[] {
  return BY_TOOL[options.cluster.tool](options)
}
