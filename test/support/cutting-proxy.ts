import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface CuttingProxy {
  readonly port: number
  close(): Promise<void>
}

/**
 * Stands before a server and cuts, or holds back, what comes from it once so many bytes have passed on one connection.
 */
export async function startCuttingProxy(to: number, afterBytes: number, how: 'cut' | 'hold'): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1')
    let passed = 0
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => {
      if (how === 'cut' || passed <= afterBytes) client.destroy()
    })
    client.pipe(upstream)
    upstream.on('data', (chunk: Buffer) => {
      const rest = chunk.subarray(0, Math.max(0, afterBytes - passed))
      passed += chunk.length
      client.write(rest)
      if (passed > afterBytes && how === 'cut') client.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
