import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
// @ts-expect-error a plain script, without types
import { StandIn } from './stand-in.js'

interface Operation {
  readonly command: string
  status: 'in progress' | 'success' | 'error' | 'cancel'
  error: string
  readonly id: string
}

export interface RestOptions {
  readonly dir: string
  readonly clickhouse: { readonly url: string; readonly user: string; readonly password: string }
  readonly remote: boolean
  readonly user: string
  readonly password: string
}

/** Parameters that a request of this tool may have, and must. */
const PARAMETERS: readonly [request: RegExp, names: readonly string[]][] = [
  [/^POST create$/, ['name', 'table']],
  [/^POST (upload|download)\/[\w-]+$/, []],
  [/^POST restore\/[\w-]+$/, ['schema', 'restore_database_mapping']],
  [/^POST restore\/[\w-]+$/, ['data', 'restore_database_mapping']],
  [/^POST delete\/(local|remote)\/[\w-]+$/, []],
  [/^POST kill$/, ['command']],
  [/^GET (version|list\/(local|remote))$/, []],
  [/^GET status$/, ['operationid']],
]

/**
 * The REST API of the stand-in, as pkg/server/server.go of clickhouse-backup 2.8 answers: JSON lines, 201 for create, 423 while
 * another operation is under way, flags that count by their presence, an empty answer for an operation that it does not know.
 */
export class RestStandIn {
  /** `POST create?name=…`, as they came. */
  readonly requests: string[] = []
  /** Requests that clickhouse-backup would take otherwise, or not at all. */
  readonly wrong: string[] = []
  /** So many of the next POST requests find it busy. */
  busy = 0
  /** Called with each request before it is answered; true: its connection is cut. */
  before: (request: string) => boolean | Promise<boolean> = () => false
  private operations: Operation[] = []
  private readonly tool
  private server = createServer()
  private port = 0

  constructor(private readonly options: RestOptions) {
    this.tool = new StandIn({ ...options.clickhouse, dir: options.dir, remote: options.remote })
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get underWay(): boolean {
    return this.operations.some(({ status }) => status === 'in progress')
  }

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error) => response.writeHead(500).end(String(error)))
    })
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    this.server.closeAllConnections()
    await closed
    this.operations = []
  }

  /** At its old address; it knows nothing of what was under way. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const path = url.pathname.replace(/^\/backup\//, '')
    const asked = `${request.method} ${path}`
    this.requests.push(`${asked}${url.search}`)
    if (await this.before(`${asked}${url.search}`)) return void request.socket.destroy()
    const send = (status: number, ...rows: object[]) =>
      response
        .writeHead(status, { 'content-type': 'application/json; charset=UTF-8' })
        .end(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const { user, password } = this.options
    if (request.headers.authorization !== `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
      return void response.writeHead(401).end('401 Unauthorized\n')
    const given = [...url.searchParams.keys()].sort().join()
    if (!PARAMETERS.some(([known, names]) => known.test(asked) && [...names].sort().join() === given))
      this.wrong.push(`${asked}${url.search}`)
    const [step, ...words] = path.split('/')
    const failed = (error: unknown) =>
      send(500, { status: 'error', operation: step, error: error instanceof Error ? error.message : String(error) })
    if (request.method === 'GET') {
      if (step === 'version') return void send(200, { version: '2.8.1' })
      if (step === 'status') return void send(200, ...this.status(url.searchParams.get('operationid')))
      return void send(200, ...this.list(words[0]))
    }
    if (step === 'kill') {
      const found = this.operations.find(({ command }) => command === url.searchParams.get('command'))
      if (found === undefined) return void failed(`command \`${url.searchParams.get('command')}\` not found`)
      Object.assign(found, { status: 'cancel', error: 'canceled from API /backup/kill' })
      return void send(200, { status: 'success', operation: 'kill', command: found.command })
    }
    if (this.busy > 0 || this.underWay) {
      this.busy = Math.max(0, this.busy - 1)
      return void send(423, { status: 'error', operation: step, error: 'another operation is currently running' })
    }
    if (step === 'delete') {
      const [where, name] = words
      try {
        await this.tool.delete(where, name)
        return void send(200, { status: 'success', operation: 'delete', backup_name: name, location: where })
      } catch (error) {
        return void failed(error)
      }
    }
    const name = words[0] ?? url.searchParams.get('name') ?? ''
    const operation: Operation = {
      command: `${step} ${url.search} ${name}`,
      status: 'in progress',
      error: '',
      id: randomUUID(),
    }
    this.operations.push(operation)
    void this.carryOut(operation, step, name, url.searchParams)
    send(step === 'create' ? 201 : 200, {
      status: 'acknowledged',
      operation: step,
      backup_name: name,
      operation_id: operation.id,
    })
  }

  private async carryOut(operation: Operation, step: string, name: string, query: URLSearchParams): Promise<void> {
    const end = (status: Operation['status'], error = '') => {
      if (operation.status === 'in progress') Object.assign(operation, { status, error })
    }
    try {
      if (this.tool.fault(step) === 'cancel') return end('cancel', 'canceled from API /backup/kill')
      if (step === 'create') await this.tool.create(query.get('table'), name)
      else if (step === 'restore')
        await this.tool.restore(query.has('schema') ? 'schema' : 'data', query.get('restore_database_mapping'), name)
      else await this.tool[step](name)
      end('success')
    } catch (error) {
      end('error', error instanceof Error ? error.message : String(error))
    }
  }

  private status(id: string | null): object[] {
    const rows = this.operations.map(({ command, status, error, id }) => ({
      command,
      status,
      start: '2026-03-11 02:00:00',
      ...(error === '' ? {} : { error }),
      operation_id: id,
    }))
    // Without an id it gives one row, whatever else is under way.
    return id === null ? rows.slice(-1) : rows.filter(({ operation_id }) => operation_id === id)
  }

  private list(where: string): object[] {
    const rows = this.tool.list(where) as { name: string; bytes: number; broken: boolean }[]
    return rows.map(({ name, bytes, broken }) => ({
      name,
      created: '2026-03-11 02:00:00',
      size: bytes,
      metadata_size: 0,
      location: where,
      required: '',
      desc: broken ? 'broken metadata.json not found' : where === 'local' ? 'regular' : 'tar, regular',
    }))
  }
}
