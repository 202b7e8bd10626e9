import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { LedgerDir } from './ledger-dir.js'

/** `usage_replay_r0123456789ab` and its companions, whatever the run. */
const RUN_TABLE = /^usage_replay_r[0-9a-f]{12}/

/** By the name of what is renamed. A mutation is written down first; then each part is rewritten, emptied or taken over. */
const DEEDS = {
  tmp_insert: 'insert',
  tmp_move: 'move',
  tmp_empty: 'empty',
  tmp_merge: 'merge',
  tmp_mutation: 'mutation',
  tmp_mut: 'mutate',
  tmp_clone: 'clone',
}

/**
 * Says what a rename of the replay does, as `<deed> <object>`: `write run.json`, `create lock`, `insert staging`,
 * `move usage`, `empty staging` (a moved part is covered by an empty one), `merge plan`, `delete staging`, `drop lock`.
 * Folders of tables bear ids; their names stand in the metadata, which is read as it is renamed into place.
 */
export class RenameNames {
  private readonly tables = new Map<string, string>()

  constructor(dir: LedgerDir) {
    const store = join(dir.ledger, 'store')
    if (!existsSync(store)) return
    for (const file of readdirSync(store, { recursive: true, encoding: 'utf8' }))
      if (file.endsWith('.sql')) this.learn(basename(file, '.sql'), join(store, file))
  }

  /** `text`: the call as strace shows it. */
  kindOf(text: string): string {
    const [from, to] = pathsOf(text)
    if (basename(to) === 'run.json') return 'write run.json'
    if (from.endsWith('.sql.tmp')) {
      if (dirname(to).endsWith('/metadata')) return 'create database'
      const table = basename(to, '.sql')
      const file = [to, from].find((name) => existsSync(name))
      if (file !== undefined) this.learn(table, file)
      return `create ${shortName(table)}`
    }
    if (to.includes('/metadata_dropped/')) return `drop ${shortName(basename(from, '.sql'))}`
    const table = this.tables.get(basename(dirname(to))) ?? 'unknown'
    const part = basename(from)
    const deed = Object.entries(DEEDS).find(([prefix]) => part.startsWith(prefix))?.[1]
    if (deed !== undefined) return `${deed} ${table}`
    return basename(to).startsWith('delete_tmp_') ? `delete ${table}` : `other ${table}`
  }

  private learn(table: string, file: string): void {
    const id = /UUID '([0-9a-f-]{36})'/.exec(readFileSync(file, 'utf8'))?.[1]
    if (id !== undefined) this.tables.set(id, shortName(table))
  }
}

/** From where to where: the two paths of a rename as strace shows it. */
export function pathsOf(text: string): [from: string, to: string] {
  const [from = '', to = ''] = [...text.matchAll(/"([^"]*)"/g)].map(([, path]) => path.replace(/\/$/, ''))
  return [from, to]
}

function shortName(table: string): string {
  if (RUN_TABLE.test(table)) return table.replace(RUN_TABLE, 'staging')
  return table.replace(/^usage_replay_/, '')
}
