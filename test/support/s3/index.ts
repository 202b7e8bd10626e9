import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import type { S3Options } from '../../../src/domain/options.js'
import { type Fault, type Request, sendError } from './faults.js'
import { encodeKey, pageOf } from './listing.js'
import { type StoredObject, storedObject } from './objects.js'
import { isWrite, Writes } from './writes.js'

/** What clients of the stand-in must bring. */
export const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'TESTKEY',
  AWS_SECRET_ACCESS_KEY: 'test-secret-key',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
}

/**
 * A store that speaks the S3 protocol as AWS documents it: ETags, conditions, ranges, checksums, listings with tokens and
 * encoded keys, uploads in parts, any key. It listens on loopback and holds one bucket; the faults are the test's.
 */
export class S3Server {
  readonly objects = new Map<string, StoredObject>()
  readonly writes = new Writes(this.objects)
  readonly requests: Request[] = []
  /** Asked before each answer; null answers as it should be. */
  fault: (request: Request) => Fault | null = () => null
  /** Longest page of a listing. */
  pageKeys = 1000
  /** How long each answer takes, ms. */
  latencyMs = 0
  mostSockets = 0
  mostUnderWay = 0
  private readonly sockets = new Set<Socket>()
  private underWay = 0
  private port = 0

  private constructor(
    private readonly server: Server,
    readonly bucket: string,
  ) {
    server.on('request', (request, response) => {
      this.underWay++
      this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay)
      response.on('close', () => this.underWay--)
      setTimeout(() => void this.answer(request, response), this.latencyMs)
    })
    server.on('connection', (socket) => {
      this.sockets.add(socket)
      this.mostSockets = Math.max(this.mostSockets, this.sockets.size)
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  /** Starts one for the running test, on a free port. */
  static async start(bucket?: string): Promise<S3Server> {
    const store = await S3Server.open(bucket)
    onTestFinished(() => store.stop())
    return store
  }

  /** Starts one that is stopped by whoever asked for it. */
  static async open(bucket = 'usage-backup'): Promise<S3Server> {
    const store = new S3Server(createServer(), bucket)
    await store.listen(0)
    return store
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`
  }

  options(timeoutMs = 5000): S3Options {
    return { endpoint: this.endpoint, pathStyle: true, timeoutMs }
  }

  put(objects: Readonly<Record<string, string | Uint8Array>>, prefix = ''): void {
    for (const [key, content] of Object.entries(objects)) this.objects.set(`${prefix}${key}`, storedObject(content))
  }

  /** Listens again where it was stopped. */
  async listen(port = this.port): Promise<void> {
    if (this.server.listening) return
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve))
    this.port = (this.server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  private async answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = message
    const [path, search = ''] = url.split('?')
    const query = new URLSearchParams(search)
    const [, bucket = '', ...rest] = path.split('/')
    const key = rest.map(decodeURIComponent).join('/')
    const range = headers.range
    const kind = query.has('uploads') || query.has('uploadId') ? 'upload' : key === '' ? 'list' : 'object'
    const request: Request = { method, kind, key, range, headers, number: this.requests.length }
    this.requests.push(request)
    const fail = (status: number, code: string) => sendError(response, method === 'HEAD', status, code)
    const fault = this.fault(request)
    if (fault === 'reset') return void message.socket.destroy()
    if (fault === 'stall') return
    if (fault !== null && typeof fault === 'object' && 'requestBytes' in fault)
      return cutRequest(message, fault.requestBytes)
    if (fault !== null && typeof fault === 'object' && 'status' in fault) return fail(fault.status, fault.code)
    if (!headers.authorization?.includes(`Credential=${CREDENTIALS.AWS_ACCESS_KEY_ID}/`))
      return fail(403, headers.authorization === undefined ? 'AccessDenied' : 'InvalidAccessKeyId')
    if (bucket !== this.bucket) return fail(404, 'NoSuchBucket')
    if (isWrite(method, query)) {
      // Who is gone while it sends gets no answer.
      const body = await buffer(message).catch(() => null)
      if (body === null) return
      const answer = this.writes.answer({ method, key, query, headers, body })
      if (fault === 'lost answer') return void message.socket.destroy()
      if ('code' in answer) return fail(answer.status, answer.code)
      return void response.writeHead(answer.status, answer.headers).end(answer.body)
    }
    if (key === '') this.list(query, response, fault)
    else this.object(request, response, fault)
  }

  private list(query: URLSearchParams, response: ServerResponse, fault: Fault | null): void {
    const prefix = query.get('prefix') ?? ''
    const most = Math.min(Number(query.get('max-keys') ?? 1000), this.pageKeys)
    const page = pageOf(this.objects.keys(), prefix, query.get('continuation-token'), most)
    const wrong = fault !== null && typeof fault === 'object' && 'token' in fault
    const { keys, next } = wrong ? { keys: page.keys, next: fault.token } : page
    const truncated = wrong || next !== null
    const contents = keys.map((key) => {
      const { body, etag, modified } = this.objects.get(key) ?? storedObject('')
      return `<Contents><Key>${encodeKey(key)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${body.length}</Size></Contents>`
    })
    const token = next === null ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`
    const xml = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${this.bucket}</Name><Prefix>${encodeKey(prefix)}</Prefix><EncodingType>url</EncodingType><KeyCount>${keys.length}</KeyCount><IsTruncated>${truncated}</IsTruncated>${token}${contents.join('')}</ListBucketResult>`
    response.writeHead(200, { 'content-type': 'application/xml' }).end(xml)
  }

  private object(request: Request, response: ServerResponse, fault: Fault | null) {
    const { method, key, headers } = request
    const head = method === 'HEAD'
    const object = this.objects.get(key)
    if (object === undefined) return sendError(response, head, 404, 'NoSuchKey')
    const { body, etag } = object
    const match = headers['if-match']
    if (match !== undefined && match !== etag) return sendError(response, head, 412, 'PreconditionFailed')
    const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
    const from = range === null ? 0 : Number(range[1])
    const end = range === null || range[2] === '' ? body.length : Math.min(Number(range[2]) + 1, body.length)
    if (range !== null && from >= body.length) return sendError(response, head, 416, 'InvalidRange')
    const asked = headers['x-amz-checksum-mode'] === 'ENABLED' && range === null ? object.checksums : {}
    response.writeHead(range === null ? 200 : 206, {
      etag,
      'content-length': end - from,
      'last-modified': object.modified.toUTCString(),
      ...object.headers,
      ...asked,
      ...(range === null ? {} : { 'content-range': `bytes ${from}-${end - 1}/${body.length}` }),
    })
    if (head) return void response.end()
    const content = body.subarray(from, end)
    if (fault === null || typeof fault === 'string' || !('bodyBytes' in fault)) return void response.end(content)
    response.write(content.subarray(0, fault.bodyBytes), () => {
      if (fault.end === 'cut') response.destroy()
    })
  }
}

/** Takes so many bytes of what is sent, and is gone. */
function cutRequest(message: IncomingMessage, bytes: number): void {
  let got = 0
  message.on('data', (chunk: Buffer) => {
    got += chunk.length
    if (got >= bytes) message.socket.destroy()
  })
}
