/**
 * What clickhouse-backup 2.8 does, as far as this tool drives it, with the engine's own BACKUP and RESTORE in place of FREEZE
 * and ATTACH: so what it restores are real rows. Its folders are `local` and `remote`; a backup without its metadata.json,
 * which is written last, is a broken one. Words of errors are those of the real program (pkg/backup of its sources).
 *
 * `faults.json` in its folder lets a step fail: `{ "upload": "cut" }`. Words are what it fails with; `cut`: half way, with the
 * words of a lost connection; `hang`: it never ends; `broken`: it says that all is well, and has no metadata.json; `partial`: it
 * leaves the marker table out, as one that may skip broken parts does.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const PLAIN = /^[A-Za-z0-9_]{1,64}$/
const NAME = /^obleth-ledger-\d{8}T\d{6}Z-[0-9a-f]{6}$/

export class StandIn {
  /** @param {{ dir: string, url: string, user: string, password: string, remote: boolean }} options */
  constructor(options) {
    this.options = options
  }

  at(...parts) {
    return join(this.options.dir, ...parts)
  }

  fault(step) {
    const file = this.at('faults.json')
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8'))[step] : undefined
  }

  async create(pattern, name) {
    const database = /^(.*)\.\*$/.exec(pattern)?.[1] ?? ''
    if (!PLAIN.test(database) || !NAME.test(name)) throw new Error(`unexpected: create ${pattern} ${name}`)
    const rows = await this.ask(`SELECT name FROM system.tables WHERE database = '${database}' FORMAT TSV`)
    const partial = this.fault('create') === 'partial'
    const tables = rows.split('\n').filter((table) => table !== '' && !(partial && table === 'usage_meta'))
    if (tables.length === 0) throw new Error('no tables for backup')
    if (existsSync(this.at('local', name, 'metadata.json'))) throw new Error(`'${name}' medatata.json already exists`)
    mkdirSync(this.at('local', name), { recursive: true })
    const list = tables.map((table) => `TABLE ${database}.${table}`).join(', ')
    await this.ask(`BACKUP ${list} TO File('${this.at('local', name, 'data')}')`)
    await this.strike('create')
    if (this.fault('create') === 'broken') return
    writeFileSync(this.at('local', name, 'metadata.json'), JSON.stringify({ database, tables }))
  }

  async upload(name) {
    this.needRemote('upload')
    if (existsSync(this.at('remote', name))) throw new Error(`'${name}' already exists on remote storage`)
    await this.copy('local', 'remote', name, 'upload')
  }

  async download(name) {
    this.needRemote('download')
    if (existsSync(this.at('local', name))) throw new Error('backup is already exists')
    await this.copy('remote', 'local', name, 'download')
  }

  async copy(from, to, name, step) {
    const source = this.at(from, name)
    if (!NAME.test(name) || !existsSync(join(source, 'metadata.json')))
      throw new Error(`'${name}' is not found on ${from} storage`)
    const files = filesIn(source).filter((file) => file !== 'metadata.json')
    for (const [n, file] of files.entries()) {
      if (n === files.length >> 1) await this.strike(step)
      mkdirSync(dirname(this.at(to, name, file)), { recursive: true })
      cpSync(join(source, file), this.at(to, name, file))
    }
    if (this.fault(step) !== 'broken') cpSync(join(source, 'metadata.json'), this.at(to, name, 'metadata.json'))
  }

  async restore(part, mapping, name) {
    const file = this.at('local', name, 'metadata.json')
    if (!NAME.test(name) || !existsSync(file)) throw new Error(`'${name}' is not found on local storage`)
    const { database } = JSON.parse(readFileSync(file, 'utf8'))
    const [from, into, ...more] = mapping.split(':')
    if (
      from !== database ||
      !PLAIN.test(into) ||
      into === from ||
      more.length > 0 ||
      !['schema', 'data'].includes(part)
    )
      throw new Error(`unexpected: restore --${part} -m ${mapping} ${name} of ${database}`)
    await this.strike('restore')
    const only = part === 'schema' ? ' SETTINGS structure_only = true' : ''
    await this.ask(`RESTORE DATABASE ${database} AS ${into} FROM File('${this.at('local', name, 'data')}')${only}`)
  }

  /** @returns {{ name: string, where: string, bytes: number, broken: boolean }[]} */
  list(where) {
    if (where === 'remote' && !this.options.remote) return []
    if (!existsSync(this.at(where))) return []
    return readdirSync(this.at(where)).map((name) => {
      const files = filesIn(this.at(where, name))
      const bytes = files.reduce((sum, file) => sum + statSync(this.at(where, name, file)).size, 0)
      return { name, where, bytes, broken: !files.includes('metadata.json') }
    })
  }

  async delete(where, name) {
    if (where === 'remote') this.needRemote('delete')
    if (!NAME.test(name) || !existsSync(this.at(where, name)))
      throw new Error(`'${name}' is not found on ${where} storage`)
    await this.strike('delete')
    rmSync(this.at(where, name), { recursive: true })
  }

  needRemote(step) {
    if (!this.options.remote)
      throw new Error(
        `general->remote_storage shall not be "none" for ${step}, change you config or use REMOTE_STORAGE`,
      )
  }

  async strike(step) {
    const fault = this.fault(step)
    if (fault === undefined || fault === 'broken' || fault === 'partial') return
    if (fault === 'hang') await new Promise(() => {})
    throw new Error(fault === 'cut' ? 'write tcp 10.0.0.7:40412->10.0.0.9:443: connection reset by peer' : fault)
  }

  async ask(statement) {
    const { url, user, password } = this.options
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const response = await fetch(url, { method: 'POST', headers: { authorization }, body: statement })
    const text = await response.text()
    if (!response.ok) throw new Error(text.trim().split('\n')[0].replace('Code:', 'code:'))
    return text
  }
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}
