import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, RESP_TYPES } from 'redis'
import { freePort } from './postgres.js'

/** Why no Redis can be started here, or null. With CI=true that is an error. */
export const noRedis: string | null = (() => {
  const missing = ['redis-server', 'redis-cli'].filter((program) => spawnSync(program, ['--version']).status !== 0)
  if (missing.length === 0) return null
  const why = `${missing.join(' and ')} missing: install the Debian packages redis-server and redis-tools`
  if (process.env.CI === 'true') throw new Error(why)
  return why
})()

const PASSWORD = 'pa55/w%rd @:#'

export type Client = ReturnType<typeof open>

function open(port: number, password: string | undefined) {
  return createClient({
    RESP: 2,
    disableClientInfo: true,
    socket: { host: '127.0.0.1', port, reconnectStrategy: false },
    ...(password === undefined ? {} : { password }),
  }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
}

export interface RedisHow {
  readonly settings?: Readonly<Record<string, string>>
  /** Lines for its config file as they are. */
  readonly lines?: string
  /** False: it gets its settings as arguments. */
  readonly configFile?: boolean
  /** PEM files: it listens for TLS too, on another port. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
  /** null for none. */
  readonly password?: string | null
}

/** A Redis of its own on a free loopback port. */
export class TestRedis {
  private constructor(
    readonly dir: string,
    readonly port: number,
    readonly configFile: string | null,
    readonly password: string | undefined,
    private readonly child: ChildProcess,
    readonly client: Client,
    private readonly tlsPort: number | undefined,
  ) {}

  get url(): string {
    const access = this.password === undefined ? '' : `:${encodeURIComponent(this.password)}@`
    return `redis://${access}127.0.0.1:${this.port}/0`
  }

  get tlsUrl(): string {
    return this.url.replace('redis:', 'rediss:').replace(`:${this.port}/`, `:${this.tlsPort}/`)
  }

  static async start(dir: string, how: RedisHow = {}): Promise<TestRedis> {
    const password = how.password === null ? undefined : (how.password ?? PASSWORD)
    const port = await freePort()
    const tlsPort = how.tls === undefined ? undefined : await freePort()
    const settings = {
      bind: '127.0.0.1',
      port: String(port),
      dir,
      logfile: join(dir, '..', `log-${port}`),
      'repl-diskless-sync-delay': '0',
      save: '',
      ...(password === undefined ? {} : { requirepass: password }),
      ...(how.tls === undefined
        ? {}
        : {
            'tls-port': String(tlsPort),
            'tls-cert-file': how.tls.cert,
            'tls-key-file': how.tls.key,
            'tls-ca-cert-file': how.tls.ca,
            'tls-auth-clients': 'no',
          }),
      ...how.settings,
    }
    const file = how.configFile === false ? null : join(dir, '..', `redis-${port}.conf`)
    const lines = Object.entries(settings).map(([name, value]) => `${name} ${JSON.stringify(value)}\n`)
    if (file !== null) writeFileSync(file, `${lines.join('')}${how.lines ?? ''}`)
    return TestRedis.run(dir, port, file, password, settings, tlsPort)
  }

  private static async run(
    dir: string,
    port: number,
    file: string | null,
    password: string | undefined,
    settings: Readonly<Record<string, string>>,
    tlsPort: number | undefined,
  ): Promise<TestRedis> {
    const args = file === null ? Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]) : [file]
    const child = spawn('redis-server', args, { stdio: 'ignore' })
    for (;;) {
      if (child.exitCode !== null) throw new Error(readFileSync(settings.logfile ?? '/dev/null', 'utf8'))
      const client = open(port, password)
      client.on('error', () => {})
      try {
        await client.connect()
        if (/^loading:0/m.test(String(await client.sendCommand(['INFO', 'persistence']))))
          return new TestRedis(dir, port, file, password, child, client, tlsPort)
      } catch {}
      if (client.isOpen) client.destroy()
      await sleep(20)
    }
  }

  /** Ends it as the signal says and starts it anew with its config file. */
  async restart(signal: NodeJS.Signals): Promise<TestRedis> {
    await this.stop(signal)
    return TestRedis.run(this.dir, this.port, this.configFile, this.password, { logfile: '/dev/null' }, this.tlsPort)
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.client.isOpen) this.client.destroy()
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill(signal)
    await once(this.child, 'exit')
  }

  send(...args: (string | Buffer)[]): Promise<unknown> {
    return this.client.sendCommand(args)
  }

  /** Every key with its type, its value and the moment at which it ends, by `db:key in hex`. */
  async content(): Promise<ReadonlyMap<string, unknown>> {
    const all = new Map<string, unknown>()
    const keyspace = String(await this.send('INFO', 'keyspace'))
    for (const [, db] of keyspace.matchAll(/^db(\d+):/gm)) {
      await this.send('SELECT', db)
      for (const key of (await this.send('KEYS', '*')) as Buffer[])
        all.set(`${db}:${key.toString('hex')}`, await this.valueOf(key))
    }
    await this.send('SELECT', '0')
    return all
  }

  private async valueOf(key: Buffer): Promise<unknown> {
    const type = String(await this.send('TYPE', key))
    const [read, ordered] = READ[type]
    const value = texts(await this.send(...read(key)))
    const groups = type === 'stream' ? texts(await this.send('XINFO', 'STREAM', key, 'FULL')) : null
    return { type, value: ordered ? value : pairs(value, type), groups, ends: await this.send('PEXPIRETIME', key) }
  }
}

/** How the values of a type are read, and whether their order means something. */
const READ: Readonly<Record<string, readonly [(key: Buffer) => (string | Buffer)[], boolean]>> = {
  string: [(key) => ['GET', key], true],
  list: [(key) => ['LRANGE', key, '0', '-1'], true],
  zset: [(key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'], true],
  stream: [(key) => ['XRANGE', key, '-', '+'], true],
  set: [(key) => ['SMEMBERS', key], false],
  hash: [(key) => ['HGETALL', key], false],
}

const texts = (value: unknown): unknown =>
  Buffer.isBuffer(value) ? value.toString('hex') : Array.isArray(value) ? value.map(texts) : value

function pairs(value: unknown, type: string): string[] {
  const list = value as string[]
  const step = type === 'hash' ? 2 : 1
  const groups = Array.from({ length: list.length / step }, (_, n) => list.slice(n * step, (n + 1) * step).join('='))
  return groups.sort()
}

const HOUR_MS = 3_600_000

/** Fills a server with everything that obleth keeps and more: times to live, bytes, two databases, all types. */
export async function fill(redis: TestRedis): Promise<void> {
  const ends = String(Date.now() + HOUR_MS)
  const sent: Promise<unknown>[] = []
  const send = (...args: (string | Buffer)[]) => void sent.push(redis.send(...args))
  for (let n = 0; n < 2000; n++) {
    send('SET', `obleth:cache:${n}`, `value ${n}`, ...(n % 3 === 0 ? ['PXAT', ends] : []))
    send('HSET', `obleth:budget:${n % 50}`, `tokens-${n}`, String(n * 17))
  }
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
  send('SET', Buffer.concat([Buffer.from('obleth:key:'), bytes]), Buffer.concat([bytes, bytes]))
  send('SET', 'large', randomBytes(3 << 20))
  send('RPUSH', 'list', 'b', 'a', bytes)
  send('SADD', 'set', 'one', 'two', bytes)
  send('SADD', 'integers', '1', '22', '333')
  send('ZADD', 'zset', '1.5', 'x', '-3', 'y')
  send('XADD', 'stream', '7-1', 'field', 'value', 'other', bytes)
  send('XADD', 'stream', '8-1', 'field', 'second')
  send('XGROUP', 'CREATE', 'stream', 'readers', '7-1')
  await Promise.all(sent)
  await redis.send('SELECT', '5')
  await redis.send('SET', 'in another database', 'yes', 'PXAT', ends)
  await redis.send('SELECT', '0')
}
