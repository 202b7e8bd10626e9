import type { Emit, LedgerEvent, StageName } from '../domain/events.js'
import { printable } from '../domain/printable.js'
import { createBar } from './bar.js'
import { count, size, time } from './format.js'
import type { Style } from './style.js'

/** Between two status lines where nothing can be redrawn. */
const STATUS_LINE_EVERY_MS = 5000

/** Where progress goes. */
export interface Screen {
  readonly stream: NodeJS.WritableStream
  /** Lines can be redrawn. */
  readonly terminal: boolean
  /** Milliseconds from any fixed moment. */
  now(): number
}

export interface Progress {
  readonly emit: Emit
  /** Takes the bar off the screen; events after it are ignored. */
  close(): void
}

/** How far a stage is. */
interface StageState {
  readonly stage: StageName
  readonly startedMs: number
  readonly doneBytes: number
  readonly totalBytes: number | null
  readonly records: number | null
}

/** Draws events: on a terminal a bar that is redrawn, elsewhere a status line every few seconds. */
export function createProgress(screen: Screen, style: Style): Progress {
  const bar = screen.terminal ? createBar(screen.stream) : null
  let state: StageState | null = null
  let lastLineMs = 0
  let closed = false
  const say = (line: string) => {
    bar?.hide()
    screen.stream.write(`${line}\n`)
  }
  const handle = (event: LedgerEvent): void => {
    switch (event.type) {
      case 'stage_started':
        state = { stage: event.stage, startedMs: screen.now(), doneBytes: 0, totalBytes: null, records: 0 }
        lastLineMs = screen.now()
        say(style.dim(`${event.stage}: ${printable(event.message)}`))
        return
      case 'progress': {
        const same = state !== null && state.stage === event.stage ? state.startedMs : screen.now()
        state = { ...event, startedMs: same }
        const now = screen.now()
        if (bar) bar.show(progressFraction(state), progressText(state, now))
        else if (now - lastLineMs >= STATUS_LINE_EVERY_MS) {
          lastLineMs = now
          say(progressText(state, now))
        }
        return
      }
      case 'stage_finished':
        say(`${style.good(event.stage)}: ${printable(event.message)} (${time(event.ms)})`)
        return
      case 'notice':
        say(`${style.warn('note')} ${printable(event.message)}`)
    }
  }
  return {
    emit: (event) => {
      if (!closed) handle(event)
    },
    close: () => {
      closed = true
      bar?.hide()
    },
  }
}

/** Share that is done, 0 to 1; null where the whole is not known. */
function progressFraction({ doneBytes, totalBytes }: StageState): number | null {
  return totalBytes === null || totalBytes <= 0 ? null : Math.min(1, doneBytes / totalBytes)
}

/** `decode: 45 %, 120 MiB of 267 MiB, 210,000 records, 70,000 records/s, 2.1 s left`; rate and rest from the stage's start. */
export function progressText(state: StageState, nowMs: number): string {
  const { stage, startedMs, doneBytes, totalBytes, records } = state
  const fraction = progressFraction(state)
  const seconds = (nowMs - startedMs) / 1000
  const parts = [
    ...(fraction === null ? [] : [`${Math.floor(fraction * 100)} %`]),
    ...(doneBytes > 0 ? [totalBytes === null ? size(doneBytes) : `${size(doneBytes)} of ${size(totalBytes)}`] : []),
    ...(records === null ? [] : [`${count(records)} records`]),
    ...(seconds > 0 && records !== null && records > 0 ? [`${count(records / seconds)} records/s`] : []),
    ...(seconds > 0 && fraction !== null && fraction > 0 && fraction < 1
      ? [`${time((seconds * 1000 * (1 - fraction)) / fraction)} left`]
      : []),
  ]
  return `${stage}: ${parts.join(', ')}`
}
