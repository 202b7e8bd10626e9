import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LoopbackProxy, onLoopback } from './proxy.js'

/** What can befall a request between a command and a server. */
export const FAULTS = [
  'refused',
  'cut in the request',
  'cut in the answer',
  'answer lost',
  'delay',
  'HTTP 500',
  'HTTP 503',
  'exception behind HTTP 200',
  'too many parts',
  'memory limit',
  'idle socket reset',
] as const
export type Fault = (typeof FAULTS)[number]

export interface FaultProxy extends LoopbackProxy {
  /** How often each fault was made. */
  readonly counts: Map<Fault, number>
}

/**
 * Stands between a command and a test server, and lets `next` decide the fate of each request: a fault, or null. Where the
 * server is down, the client's connection is cut.
 */
export async function startFaultProxy(server: string, next: () => Fault | null): Promise<FaultProxy> {
  const counts = new Map<Fault, number>()
  const proxy = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    try {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const fault = next()
      if (fault !== null) counts.set(fault, (counts.get(fault) ?? 0) + 1)
      await answer(server, request, Buffer.concat(chunks), response, fault)
    } catch {
      request.socket.destroy()
    }
  })
  return { ...(await onLoopback(proxy)), counts }
}

const EXCEPTIONS = {
  'too many parts': [
    252,
    'Too many parts (3000 with average size of 1 MiB). Merges are slower than inserts',
    'TOO_MANY_PARTS',
  ],
  'memory limit': [241, 'Memory limit (total) exceeded: would use 10 GiB', 'MEMORY_LIMIT_EXCEEDED'],
} as const
const BEHIND_200 = 'Code: 241. DB::Exception: Memory limit (total) exceeded: while sending. (MEMORY_LIMIT_EXCEEDED)\n'

async function answer(
  server: string,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
  fault: Fault | null,
): Promise<void> {
  switch (fault) {
    case 'refused':
      request.socket.destroy()
      return
    case 'cut in the request':
      await sendHalf(server, request, body)
      request.socket.destroy()
      return
    case 'HTTP 500':
      response.writeHead(500).end('upstream connect error')
      return
    case 'HTTP 503':
      response.writeHead(503, { 'retry-after': '0' }).end('no healthy upstream')
      return
    case 'too many parts':
    case 'memory limit': {
      const [code, text, type] = EXCEPTIONS[fault]
      const message = `Code: ${code}. DB::Exception: ${text}. (${type}) (version 26.7.1.1)\n`
      response.writeHead(500, { 'x-clickhouse-exception-code': String(code) }).end(message)
      return
    }
    case 'delay':
      await sleep(200)
  }
  const { status, headers, bytes } = await forward(server, request, body)
  switch (fault) {
    case 'answer lost':
      request.socket.destroy()
      return
    case 'cut in the answer':
      // So many bytes are promised, and half of them come; an empty answer is lost.
      response.writeHead(status, { ...headers, 'content-length': bytes.length + 2 })
      response.write(bytes.subarray(0, bytes.length >> 1))
      await sleep(10)
      request.socket.destroy()
      return
    case 'exception behind HTTP 200':
      response
        .writeHead(status, headers)
        .end(Buffer.concat([bytes.subarray(0, bytes.length >> 1), Buffer.from(BEHIND_200)]))
      return
    case 'idle socket reset':
      response.on('finish', () => setTimeout(() => request.socket.resetAndDestroy(), 5))
  }
  response.writeHead(status, headers).end(bytes)
}

/** Sends a request on; its answer, whole. */
export async function forward(server: string, { url, headers: { authorization = '' } }: IncomingMessage, body: Buffer) {
  const answered = await fetch(new URL(url ?? '/', server), { method: 'POST', headers: { authorization }, body })
  const bytes = Buffer.from(await answered.arrayBuffer())
  const headers = Object.fromEntries([...answered.headers].filter(([name]) => name.startsWith('x-clickhouse')))
  return { status: answered.status, headers, bytes }
}

/** The server gets the head and half of the body, and then nobody is there any more. */
async function sendHalf(server: string, { url, headers: { authorization = '' } }: IncomingMessage, body: Buffer) {
  const { hostname, port } = new URL(server)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const head = `POST ${url} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${authorization}\r\nContent-Length: ${body.length}\r\n\r\n`
  socket.write(Buffer.concat([Buffer.from(head), body.subarray(0, body.length >> 1)]))
  await sleep(20)
  socket.destroy()
}
