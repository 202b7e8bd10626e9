/**
 * A small HTTP front with ClickHouse's interface before chDB, as a process of its own: it can be stopped, killed and
 * started again on the same directory, which a test of the server path needs. One statement runs at a time, so whoever
 * asks system.processes learns the truth: what came before has ended.
 *
 * Reads one JSON argument `{ dir, user, password, port, config }`, prints one line `{"port":…,"pid":…}`, ends when its stdin closes.
 */
import { randomUUID } from 'node:crypto'
import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, gzipSync } from 'node:zlib'
import { insertFromFile, withSettings } from './statement.js'

const { Session } = createRequire(import.meta.url)('chdb')
const options = JSON.parse(process.argv[2])
// Beside the data, so that what a killed front leaves goes with them.
const bodies = `${options.dir}.bodies`
for (const dir of [options.dir, bodies]) mkdirSync(dir, { recursive: true })
const session =
  options.config === undefined
    ? new Session(options.dir)
    : new Session(options.dir, { connectionArgs: [`--config-file=${options.config}`] })

/** Parameters of the HTTP interface that are no settings of a statement. */
const INTERFACE =
  /^(query|database|query_id|default_format|wait_end_of_query|buffer_size|user|password|session_.*|role|quota_key|enable_http_compression|send_progress_in_http_headers|http_.*|param_.*)$/

let last = Promise.resolve()
/** Runs `work` when everything before it has ended, whatever became of that. */
function inTurn(work) {
  const turn = last.then(work)
  last = turn.catch(() => {})
  return turn
}

class HttpError extends Error {
  constructor(status, code, type, text) {
    super(`Code: ${code}. DB::Exception: ${text}. (${type})`)
    this.status = status
  }
}

function authenticate(request, url) {
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]
  const decoded = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString()
  const [user, password] =
    decoded === undefined
      ? [
          request.headers['x-clickhouse-user'] ?? url.searchParams.get('user') ?? 'default',
          request.headers['x-clickhouse-key'] ?? url.searchParams.get('password') ?? '',
        ]
      : [decoded.slice(0, decoded.indexOf(':')), decoded.slice(decoded.indexOf(':') + 1)]
  if (user !== options.user || password !== options.password)
    throw new HttpError(
      403,
      516,
      'AUTHENTICATION_FAILED',
      `${user}: Authentication failed: password is incorrect, or there is no user with such name`,
    )
}

/** The body on its way in; a client that goes away before its end makes this throw. */
function bodyOf(request) {
  return request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
}

async function bodyText(request) {
  const chunks = []
  for await (const chunk of bodyOf(request)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function run(sql, format, params) {
  const result =
    Object.keys(params).length > 0
      ? session.queryBindAsync(sql, params, { format })
      : session.queryAsync(sql, { format })
  return Buffer.from((await result).bytes())
}

async function describe(table) {
  const rows = await run(`DESCRIBE TABLE ${table} FORMAT JSONEachRow`, 'JSONEachRow', {})
  return rows
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((row) => JSON.parse(row))
}

const ESCAPED = { t: '\t', n: '\n', r: '\r', b: '\b', f: '\f', 0: '\0' }

/** A parameter's value travels escaped as in TabSeparated; chDB escapes it again itself. */
function unescaped(value) {
  return value.replace(/\\(.)/gs, (_, c) => ESCAPED[c] ?? c)
}

/** Every statement begins in the database that its request names, as there are no sessions here. */
async function use(database) {
  await run(`USE \`${database.replaceAll('`', '')}\``, 'CSV', {})
}

async function answer(request, url) {
  authenticate(request, url)
  const { searchParams } = url
  const query = searchParams.get('query') ?? ''
  const database = searchParams.get('database') ?? 'default'
  const format = searchParams.get('default_format') ?? 'TabSeparated'
  const settings = [...searchParams].filter(([name]) => !INTERFACE.test(name))
  const params = Object.fromEntries(
    [...searchParams]
      .filter(([name]) => name.startsWith('param_'))
      .map(([name, value]) => [name.slice(6), unescaped(value)]),
  )
  if (/\bFORMAT\s+\w+\s*$/i.test(query) && /^\s*INSERT\b/i.test(query)) {
    const file = join(bodies, randomUUID())
    try {
      await pipeline(bodyOf(request), createWriteStream(file))
      return await inTurn(async () => {
        await use(database)
        return await run(await insertFromFile(query, file, settings, describe), format, params)
      })
    } finally {
      rmSync(file, { force: true })
    }
  }
  const body = await bodyText(request)
  const sql = query === '' ? body : `${query}\n${body}`
  return await inTurn(async () => {
    await use(database)
    return await run(withSettings(sql, settings), format, params)
  })
}

function statusOf(code) {
  if ([46, 47, 50, 60, 63, 73, 81, 115].includes(code)) return 404
  if ([36, 53, 62].includes(code)) return 400
  if (code === 48) return 501
  return 500
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const reply = (status, headers, body) => {
    const zipped =
      url.searchParams.get('enable_http_compression') === '1' &&
      /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
    response.writeHead(status, { ...headers, ...(zipped ? { 'Content-Encoding': 'gzip' } : {}) })
    response.end(zipped ? gzipSync(body) : body)
  }
  if (url.pathname === '/ping') return reply(200, {}, 'Ok.\n')
  const headers = { 'X-ClickHouse-Query-Id': url.searchParams.get('query_id') ?? randomUUID() }
  try {
    reply(200, headers, await answer(request, url))
  } catch (error) {
    const code = Number(/Code: (\d+)/.exec(error.message)?.[1] ?? 1002)
    reply(
      error.status ?? statusOf(code),
      { ...headers, 'X-ClickHouse-Exception-Code': String(code), Connection: 'close' },
      `${error.message}\n`,
    )
    request.resume()
  }
})

async function end() {
  server.close()
  server.closeAllConnections()
  await last
  session.close()
  process.exit(0)
}

process.on('SIGTERM', end)
process.stdin.on('end', end).resume()
server.listen(options.port, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ port: server.address().port, pid: process.pid })}\n`),
)
