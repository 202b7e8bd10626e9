import { connect } from 'node:net'
import { pipeline } from 'node:stream'
import { createServer, type TlsOptions } from 'node:tls'
import { type LoopbackProxy, onLoopback } from './proxy.js'

/** Ends TLS before a test server, as a ClickHouse with an https port does. */
export async function startTlsProxy(server: string, options: TlsOptions): Promise<LoopbackProxy> {
  const { hostname, port } = new URL(server)
  const proxy = createServer(options, (socket) => {
    const onward = connect(Number(port), hostname)
    pipeline(socket, onward, socket, () => {})
  })
  const { url, close } = await onLoopback(proxy)
  return { url: url.replace('http:', 'https:'), close }
}
