import type { ClickhouseBackupProgram } from '../../../domain/backup.js'
import { LedgerError } from '../../../domain/errors.js'
import { printable } from '../../../domain/printable.js'
import { pause } from '../../../ledger/pause.js'
import { parseJson } from '../../manifest.js'
import { failureOf, strangeAnswer } from './failure.js'

/** Lists of many backups are the longest answers. */
const MOST_BYTES = 16 << 20
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000

/** A line of an answer: they come as JSON, one object a line. */
export type Row = Readonly<Record<string, unknown>>

/** Requests to the REST API of clickhouse-backup, with user and password in a header alone. */
export class RestCalls {
  readonly place: string
  private readonly headers: Readonly<Record<string, string>>

  constructor(private readonly options: ClickhouseBackupProgram & { readonly url: string }) {
    const { url, user, password } = options
    this.place = printable(url)
    const basic = Buffer.from(`${user ?? ''}:${password?.reveal() ?? ''}`).toString('base64')
    this.headers = user === undefined && password === undefined ? {} : { authorization: `Basic ${basic}` }
  }

  /** @throws LedgerError `target_unreachable`, `access_denied`, and what {@link failureOf} makes of the answer */
  async get(step: string, path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Row[]> {
    const { status, text } = await this.send('GET', path, query, signal)
    return this.rowsOf(step, status, text)
  }

  /**
   * The same by POST; waits for its turn where another operation is under way (423).
   *
   * @param deadline until when it waits, as `performance.now()` tells time, ms
   * @throws LedgerError likewise, and `target_locked`
   */
  async post(
    step: string,
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Row[]> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      const { status, text } = await this.send('POST', path, query, signal)
      if (status !== 423) return this.rowsOf(step, status, text)
      if (performance.now() > deadline) throw failureOf(step, 'another operation is currently running', this.place)
      await pause(waitMs, signal)
    }
  }

  /** Words of the server without the password, should it ever repeat it. */
  masked(said: string): string {
    const password = this.options.password?.reveal()
    return password === undefined ? said : said.replaceAll(password, '***')
  }

  private async send(
    method: 'GET' | 'POST',
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { url, answerMs } = this.options
    const parameters = new URLSearchParams(query)
    const target = `${url}/backup/${path}${parameters.size > 0 ? `?${parameters}` : ''}`
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)])
    try {
      const response = await fetch(target, { method, headers: this.headers, redirect: 'error', signal: limit })
      return { status: response.status, text: await this.textOf(response) }
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof LedgerError) throw cause
      throw unreachable(
        limit.aborted ? `it has not answered within ${answerMs / 1000} s` : reasonOf(cause),
        this.place,
        cause,
      )
    }
  }

  private async textOf(response: Response): Promise<string> {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length
      if (bytes > MOST_BYTES) throw strangeAnswer('request', 'it does not end', this.place)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  }

  private rowsOf(step: string, status: number, text: string): Row[] {
    if (status === 401)
      throw new LedgerError('access_denied', 'clickhouse-backup refuses the user or the password', {
        place: this.place,
        hint: 'set OBLETH_LEDGER_CLICKHOUSE_BACKUP_USER and OBLETH_LEDGER_CLICKHOUSE_BACKUP_PASSWORD to the API_USERNAME and API_PASSWORD of its server',
      })
    const rows = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(parseJson)
    const said = rows.find(isRow)?.error
    if (status !== 200 && status !== 201 && typeof said === 'string')
      throw failureOf(step, this.masked(said), this.place)
    if ((status !== 200 && status !== 201) || !rows.every(isRow))
      throw strangeAnswer(step, `HTTP ${status}, and not lines of JSON`, this.place)
    return rows
  }
}

const isRow = (row: unknown): row is Row => typeof row === 'object' && row !== null && !Array.isArray(row)

/** The client hides what happened in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const { code, message } = cause as NodeJS.ErrnoException
  return printable(`${code ?? ''} ${message ?? cause}`.trim().slice(0, 300))
}

function unreachable(what: string, place: string, cause: unknown): LedgerError {
  return new LedgerError('target_unreachable', `the REST API of clickhouse-backup cannot be reached: ${what}`, {
    place,
    hint: 'see whether clickhouse-backup server runs there, and whether --clickhouse-backup-url is right, then run the same command again',
    retryable: true,
    cause,
  })
}
