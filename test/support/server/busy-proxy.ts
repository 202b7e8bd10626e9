import { createServer, type IncomingMessage } from 'node:http'
import { forward } from './fault-proxy.js'
import { type LoopbackProxy, onLoopback } from './proxy.js'

/**
 * What befalls a statement: an exception of the server with this number, an answer of a proxy with this status, or a cut
 * connection. refused: it never arrives. lost: it is done, and nobody is told. late: it is held back on its way, and comes
 * when its repetition is done.
 */
export type Misfortune = { code: number } | { status: number; retryAfter?: string } | 'refused' | 'lost' | 'late'

export interface BusyProxy extends LoopbackProxy {
  /** The statements of the kind as they came, those that fared well among them. */
  readonly met: string[]
  /** Lets go what is held back. */
  release(): Promise<void>
}

/** Stands before a test server, and lets a misfortune befall statements of a kind: the first `times` behind `skip` others. */
export async function startBusyProxy(
  server: string,
  kind: RegExp,
  misfortune: Misfortune,
  { skip = 0, times = 1 } = {},
): Promise<BusyProxy> {
  const met: string[] = []
  const held: (() => Promise<unknown>)[] = []
  const release = async () => {
    for (const send of held.splice(0)) await send()
  }
  const proxy = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    try {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const sql = statementOf(request, body)
      const mine = kind.test(sql)
      const struck = mine && met.length >= skip && met.length < skip + times
      if (mine) met.push(sql)
      if (struck && misfortune === 'late') held.push(() => forward(server, request, body))
      if (struck && (misfortune === 'late' || misfortune === 'refused')) return void request.socket.destroy()
      if (struck && typeof misfortune === 'object') {
        const { status, headers, text } = answerOf(misfortune)
        return void response.writeHead(status, headers).end(text)
      }
      const { status, headers, bytes } = await forward(server, request, body)
      if (struck) return void request.socket.destroy()
      if (mine) await release()
      response.writeHead(status, headers).end(bytes)
    } catch {
      request.socket.destroy()
    }
  })
  const listening = await onLoopback(proxy)
  const close = async () => {
    await release()
    await listening.close()
  }
  return { url: listening.url, met, release, close }
}

function statementOf({ url = '/' }: IncomingMessage, body: Buffer): string {
  return new URL(url, 'http://localhost').searchParams.get('query') ?? body.toString()
}

function answerOf(misfortune: Exclude<Misfortune, string>) {
  if ('status' in misfortune) {
    const { status, retryAfter } = misfortune
    return { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter }, text: 'not now' }
  }
  const { code } = misfortune
  const text = `Code: ${code}. DB::Exception: There is too much to do. (BUSY) (version 26.7.1.1)\n`
  return { status: 500, headers: { 'x-clickhouse-exception-code': String(code) }, text }
}
