import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { LedgerError } from '../../src/domain/errors.js'
import { createPrinter, type Look } from '../../src/report/printer.js'
import { progressText } from '../../src/report/progress.js'
import { document, inspectOutcome, replayOutcome } from './samples.js'

function capture(look: Partial<Look> = {}, terminal = false) {
  const out: string[] = []
  const err: string[] = []
  let nowMs = 0
  const stream = new Writable({
    write(chunk, _encoding, done) {
      err.push(String(chunk))
      done()
    },
  })
  const screen = { stream: Object.assign(stream, { isTTY: terminal }), terminal, now: () => nowMs }
  const full = { json: false, quiet: false, verbose: false, colors: { out: false, err: false }, ...look }
  const printer = createPrinter(full, { out: (text) => void out.push(text), screen }, '0.1.0')
  return { printer, out: () => out.join(''), err: () => err.join(''), pass: (ms: number) => (nowMs += ms) }
}

describe('JSON', () => {
  test('a replay is the document itself, and nothing else is on stdout', () => {
    const { printer, out } = capture({ json: true })
    printer.emit({ type: 'notice', message: 'x' })
    printer.warn('y')
    printer.replay(replayOutcome(), 'nowhere')
    printer.close()
    expect(JSON.parse(out())).toEqual(document())
  })

  test('every field of the contract is there, in a run that failed too', () => {
    const { printer, out } = capture({ json: true })
    printer.failure(new LedgerError('access_denied', 'no', { hint: 'look' }), 'inspect', false)
    const failed = JSON.parse(out())
    expect(failed).toMatchObject({ command: 'inspect', version: '0.1.0', status: 'failed', target: null })
    expect(failed.error).toEqual({ code: 'access_denied', message: 'no', place: null, hint: 'look' })
    // Every field, nested ones as well, that a finished run has.
    const shape = (value: unknown): unknown => {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return true
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]))
    }
    const { error: _error, ...fields } = failed
    const finished = { ...document(), target: null, window: null }
    expect(shape(fields)).toEqual(shape(finished))
  })

  test('a refusal has its own status', () => {
    const { printer, out } = capture({ json: true })
    printer.failure(new LedgerError('refused', 'no'), 'replay', true)
    expect(JSON.parse(out()).status).toBe('refused')
  })

  test('a failure behind a printed document does not add a second one', () => {
    const { printer, out, err } = capture({ json: true })
    printer.inspect(inspectOutcome())
    printer.failure(new Error('late'), 'inspect', false)
    expect(JSON.parse(out()).status).toBe('ok')
    expect(err()).toContain('late')
  })

  test('a dry run holds its plan', () => {
    const { printer, out } = capture({ json: true })
    printer.replay(replayOutcome(), 'before staging')
    expect(JSON.parse(out()).plan.steps).toEqual(replayOutcome().plan.steps)
  })
})

describe('text', () => {
  test('a dry run prints the plan and no summary, even when quiet', () => {
    const { printer, out } = capture({ quiet: true })
    printer.replay(replayOutcome(), 'before staging')
    expect(out()).toMatch(/^Plan\n/)
    expect(out()).not.toContain('adds up')
  })

  test('quiet: no progress, no summary; warnings and errors stay', () => {
    const { printer, out, err } = capture({ quiet: true })
    printer.emit({ type: 'stage_started', stage: 'decode', message: 'x' })
    printer.replay(replayOutcome(), 'nowhere')
    expect(out() + err()).toBe('')
    printer.warn('careful')
    printer.failure(new Error('broken'), 'replay', false)
    expect(err()).toContain('careful')
    expect(err()).toContain('broken')
  })

  test('no colours unless asked for', () => {
    const plain = capture()
    plain.printer.replay(replayOutcome(), 'nowhere')
    expect(plain.out()).not.toContain('\u001b')
    const colored = capture({ colors: { out: true, err: false } })
    colored.printer.replay(replayOutcome(), 'nowhere')
    expect(colored.out()).toContain('\u001b[')
  })
})

describe('progress', () => {
  const progress = (doneBytes: number, records: number) => {
    return { type: 'progress', stage: 'decode', doneBytes, totalBytes: 4 * 2 ** 20, records } as const
  }

  test('without a terminal: a line every five seconds, not one per event', () => {
    const { printer, err, pass } = capture()
    printer.emit({ type: 'stage_started', stage: 'decode', message: '12 files' })
    for (let second = 1; second <= 11; second++) {
      pass(1000)
      printer.emit(progress(second * 2 ** 18, second * 100))
    }
    printer.emit({ type: 'stage_finished', stage: 'decode', ms: 11_000, message: '1,100 records' })
    expect(err().split('\n')).toEqual([
      'decode: 12 files',
      'decode: 31 %, 1.3 MiB of 4.0 MiB, 500 records, 100 records/s, 11.0 s left',
      'decode: 62 %, 2.5 MiB of 4.0 MiB, 1,000 records, 100 records/s, 6.0 s left',
      'decode: 1,100 records (11.0 s)',
      '',
    ])
  })

  test('an unknown total gives neither percentage nor time left', () => {
    const state = { stage: 'decode', startedMs: 0, doneBytes: 2048, totalBytes: null, records: 10 } as const
    expect(progressText(state, 2000)).toBe('decode: 2.0 KiB, 10 records, 5 records/s')
  })

  test('more bytes than expected never exceed 100 %', () => {
    const state = { stage: 'decode', startedMs: 0, doneBytes: 300, totalBytes: 200, records: 1 } as const
    expect(progressText(state, 1000)).toMatch(/^decode: 100 %, /)
  })

  test('on a terminal a bar is drawn, and taken away when the stage ends', () => {
    const { printer, err } = capture({}, true)
    printer.emit({ type: 'stage_started', stage: 'decode', message: 'x' })
    printer.emit(progress(2 ** 21, 100))
    expect(err()).toContain('█')
    expect(err()).toContain('50 %')
    printer.emit({ type: 'stage_finished', stage: 'decode', ms: 1, message: 'done' })
    printer.close()
    expect(err().trimEnd().endsWith('decode: done (1 ms)')).toBe(true)
  })
})
