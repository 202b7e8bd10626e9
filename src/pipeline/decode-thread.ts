import { Worker } from 'node:worker_threads'
import { LedgerError } from '../domain/errors.js'
import type { DecodeResult, DecodeTask, FromDecoder, PlainError, SpooledFile, ToDecoder } from './decode-messages.js'

export interface DecodeThreadHooks {
  /** Takes a block over; the next ones wait while it has not resolved. */
  block(data: SpooledFile | null, evidence: SpooledFile | null): Promise<void>
  progress(bytes: number, records: number): void
}

/**
 * Runs a decode task in a thread of its own and hands its blocks on, in their order. Where the signal aborts, or a block
 * cannot be taken over, the thread is ended first. Throws what went wrong first.
 */
export async function decodeInThread(
  task: DecodeTask,
  hooks: DecodeThreadHooks,
  signal: AbortSignal,
): Promise<DecodeResult> {
  signal.throwIfAborted()
  const worker = new Worker(new URL('./decode-worker.js', import.meta.url), { workerData: task })
  const answer = (message: ToDecoder) => worker.postMessage(message)
  const stop = () => answer({ type: 'stop' })
  signal.addEventListener('abort', stop)
  try {
    return await new Promise<DecodeResult>((resolve, reject) => {
      let taking = Promise.resolve()
      worker.on('message', (message: FromDecoder) => {
        if (message.type === 'progress') hooks.progress(message.bytes, message.records)
        else if (message.type === 'failed') reject(revived(message.error))
        else if (message.type === 'done') taking.then(() => resolve(message.result), reject)
        else
          taking = taking
            .then(() => hooks.block(message.data, message.evidence))
            .then(() => answer({ type: 'taken' }))
            .catch((error) => {
              reject(error)
              throw error
            })
        // The chain is awaited at the end; a failure before that has been reported already.
        taking.catch(() => {})
      })
      worker.on('error', reject)
      worker.on('exit', (code) => {
        if (code !== 0) reject(new LedgerError('internal', `the decode thread ended with code ${code}`))
      })
    })
  } finally {
    signal.removeEventListener('abort', stop)
    await worker.terminate()
  }
}

function revived({ code, message, place, hint }: PlainError): Error {
  if (code === null) return new Error(message)
  return new LedgerError(code, message, {
    ...(place === undefined ? {} : { place }),
    ...(hint === undefined ? {} : { hint }),
  })
}
