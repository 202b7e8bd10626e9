import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server, Socket } from 'node:net'

export interface LoopbackProxy {
  readonly url: string
  close(): Promise<void>
}

/** Called before a statement goes on to the server, and again before its answer goes back. */
export type OnStatement = (sql: string, when: 'before' | 'after') => Promise<void>

/**
 * Stands between a command and a test server, and lets others act on the server at a chosen statement of the command: what
 * a race does once in a thousand runs, it does every time.
 */
export async function startProxy(server: string, onStatement: OnStatement): Promise<LoopbackProxy> {
  const proxy = createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const url = new URL(request.url ?? '/', server)
      const sql = url.searchParams.get('query') ?? body.toString()
      await onStatement(sql, 'before')
      const { authorization = '' } = request.headers
      const answer = await fetch(url, { method: 'POST', headers: { authorization }, body })
      const bytes = Buffer.from(await answer.arrayBuffer())
      await onStatement(sql, 'after')
      const headers = [...answer.headers].filter(([name]) => name.startsWith('x-clickhouse'))
      response.writeHead(answer.status, { ...Object.fromEntries(headers), connection: 'close' }).end(bytes)
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  return await onLoopback(proxy)
}

/** Lets it listen on a free loopback port. */
export async function onLoopback(proxy: Server): Promise<LoopbackProxy> {
  const sockets = new Set<Socket>()
  proxy.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      proxy.close()
      for (const socket of sockets) socket.destroy()
      await once(proxy, 'close')
    },
  }
}
