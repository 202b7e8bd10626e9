import { parentPort } from 'node:worker_threads'
import { LedgerError } from '../domain/errors.js'
import { DecodeJob, type DecodeOutlet } from './decode-job.js'
import {
  type DecodeTask,
  type FromDecoder,
  MOST_OUTSTANDING,
  type PlainError,
  type ToDecoder,
} from './decode-messages.js'

const port = parentPort
if (port === null) throw new Error('this module runs in a worker thread')

let outstanding = 0
const stop = new AbortController()
let wake: () => void = () => {}
let blocks = 0
const tell = (message: FromDecoder) => port.postMessage(message)
const outlet: DecodeOutlet = {
  signal: stop.signal,
  async block(data, evidence) {
    outstanding++
    tell({ type: 'block', number: blocks++, data, evidence })
    while (outstanding >= MOST_OUTSTANDING && !stop.signal.aborted)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  },
  progress: (bytes, records) => tell({ type: 'progress', bytes, records }),
}

port.on('message', (message: ToDecoder) => {
  if (message.type === 'task') void work(message.task)
  else if (message.type === 'taken') outstanding--
  else stop.abort(new LedgerError('interrupted', 'stopped while decoding'))
  wake()
})

async function work(task: DecodeTask): Promise<void> {
  try {
    tell({ type: 'done', result: await new DecodeJob(task, outlet).run() })
  } catch (error) {
    tell({ type: 'failed', error: plain(error) })
  } finally {
    port?.close()
  }
}

function plain(error: unknown): PlainError {
  const known = error instanceof LedgerError
  return {
    code: known ? error.code : null,
    message: error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error),
    place: known ? error.place : undefined,
    hint: known ? error.hint : undefined,
  }
}
