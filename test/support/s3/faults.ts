import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request before it is answered: for an object, for a page of a listing, or about an upload in parts. */
export interface Request {
  readonly method: string
  readonly kind: 'object' | 'list' | 'upload'
  /** Key of the object; empty for a listing. */
  readonly key: string
  readonly range: string | undefined
  readonly headers: IncomingMessage['headers']
  /** Answers before this one. */
  readonly number: number
}

/** What goes wrong with an answer. */
export type Fault =
  /** An error of the store's own kind. */
  | { readonly status: number; readonly code: string }
  /** So many bytes of the body, then the connection is gone, or stands still. */
  | { readonly bodyBytes: number; readonly end: 'cut' | 'stall' }
  /** No answer at all: the connection is gone, or stands still. */
  | 'reset'
  | 'stall'
  /** What was asked for is done, but the connection is gone before the answer. */
  | 'lost answer'
  /** The connection is gone in the middle of what is being sent. */
  | { readonly requestBytes: number }
  /** A page of a listing that says that more follows, with this token or without any. */
  | { readonly token: string | null }

export const SLOW_DOWN: Fault = { status: 503, code: 'SlowDown' }

/** Sends an error as the store does. */
export function sendError(response: ServerResponse, head: boolean, status: number, code: string): void {
  // Text that must not reach a terminal, and what a store may echo of a request.
  const message = `\u001b[31m${code}\u001b[0m SECRET-ECHO`
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message.replaceAll('\u001b', '&#x1b;')}</Message></Error>`
  response.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) })
  response.end(head ? undefined : body)
}
