import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { freePort, type Owner, postgresUser } from './postgres.js'

/** True where a program can be run; with CI=true a missing one is an error. */
export function hasProgram(name: string, debianPackage: string): boolean {
  const found = spawnSync('sh', ['-c', `command -v ${name}`]).status === 0
  if (!found && process.env.CI === 'true')
    throw new Error(`${name} is missing: install it (Debian package ${debianPackage})`)
  return found
}

/**
 * A PostgreSQL cluster of its own that a test stops, starts and restores, on a socket in its folder, where everybody is
 * let in. As root everything belongs to the user postgres, as the tools want it.
 */
export class ArchivedCluster {
  readonly root = mkdtempSync(join(tmpdir(), 'archived-'))
  readonly data = join(this.root, 'data')
  readonly socket = join(this.root, 'socket')
  readonly owner: Owner | undefined = process.getuid?.() === 0 ? postgresUser() : undefined
  #server: ChildProcess | undefined

  private constructor(
    readonly programs: string,
    readonly port: number,
  ) {
    chmodSync(this.root, 0o755)
    this.own(this.root)
    for (const folder of ['socket', 'etc', 'repository', 'log', 'lock']) this.folder(folder)
    this.run(join(programs, 'initdb'), ['-D', this.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'])
    this.configure(
      `port = ${port}`,
      "listen_addresses = ''",
      `unix_socket_directories = '${this.socket}'`,
      'fsync = off',
      'autovacuum = off',
      'track_commit_timestamp = on',
    )
  }

  static async create(programs: string): Promise<ArchivedCluster> {
    return new ArchivedCluster(programs, await freePort())
  }

  /** Where pgBackRest writes its log and its locks. */
  get env(): Record<string, string> {
    return { PGBACKREST_LOG_PATH: join(this.root, 'log'), PGBACKREST_LOCK_PATH: join(this.root, 'lock') }
  }

  /** A folder below the cluster's, of its owner. */
  folder(name: string): string {
    const path = join(this.root, name)
    mkdirSync(path, { recursive: true })
    this.own(path)
    return path
  }

  own(path: string): void {
    if (this.owner !== undefined) chownSync(path, this.owner.uid, this.owner.gid)
  }

  configure(...lines: readonly string[]): void {
    appendFileSync(join(this.data, 'postgresql.conf'), `${lines.join('\n')}\n`)
  }

  /** Runs a program as the owner, and returns what it printed. Throws where it fails. */
  run(program: string, args: readonly string[], env: Record<string, string> = {}): string {
    return execFileSync(program, [...args], {
      ...this.owner,
      cwd: this.root,
      env: { ...process.env, ...this.env, HOME: this.root, LC_ALL: 'C', ...env },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Starts a server in a data directory, once and for all until `stop`; resolves when it takes writes. */
  async start(data = this.data, ...settings: readonly string[]): Promise<void> {
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
    const env = { ...process.env, ...this.env }
    const server = spawn(join(this.programs, 'postgres'), args, { ...this.owner, cwd: this.root, env, stdio: 'ignore' })
    this.#server = server
    for (;;) {
      if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}`)
      const answered = await this.query('SELECT pg_is_in_recovery() AS waiting').catch(() => [])
      if (answered[0]?.waiting === false) return
      await sleep(100)
    }
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined || server.exitCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGINT')
    await ended
  }

  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.root, { recursive: true, force: true })
  }

  /** Each call by a connection of its own. Times come as text, since a Date has no microseconds. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ host: this.socket, port: this.port, user: 'postgres', database: 'postgres' })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  /** Inserts a row and returns the moment of its commit as the server noted it, RFC 3339 with microseconds. */
  async insert(text: string): Promise<string> {
    const [{ xid }] = await this.query(
      `INSERT INTO notes VALUES ('${text}') RETURNING pg_current_xact_id()::text AS xid`,
    )
    const [{ at }] = await this.query(
      `SELECT to_char(pg_xact_commit_timestamp('${xid}'::xid) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
    )
    return String(at)
  }

  async notes(): Promise<string[]> {
    return (await this.query('SELECT text FROM notes ORDER BY text')).map(({ text }) => String(text))
  }

  /** Resolves when the server's clock is past a moment. */
  async clockPast(moment: string): Promise<void> {
    await this.query(`DO $$ BEGIN WHILE clock_timestamp() <= '${moment}' LOOP PERFORM pg_sleep(0.05); END LOOP; END $$`)
  }

  /** Closes the segment that is being written. */
  async closeSegment(): Promise<void> {
    await this.query('SELECT pg_switch_wal()')
  }
}
