import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { mayPublish } from '../../src/cli/confirm.js'
import { plan } from './samples.js'

const server = { ...plan(), target: { ...plan().target, kind: 'server' as const, location: 'http://h:8123' } }
const never = new AbortController().signal

/** A terminal on which `typed` has been entered; `\u0004` stands for its end. */
function terminal(typed: string) {
  const input = new PassThrough()
  const output = new PassThrough()
  if (typed.endsWith('\u0004')) input.end(typed.slice(0, -1))
  else input.write(typed)
  return { asker: { input, output }, asked: () => String(output.read() ?? '') }
}

test.each([
  ['y\n', true],
  ['YES\n', true],
  [' y \n', true],
  ['n\n', false],
  ['\n', false],
  ['yess\n', false],
  ['y\u0004', false],
  ['\u0004', false],
])('the answer %j means %s', async (typed, expected) => {
  const { asker, asked } = terminal(typed)
  const shown: string[] = []
  expect(await mayPublish(server, false, asker, (given) => void shown.push(given.runId), never)).toBe(expected)
  expect(shown).toEqual(['r1'])
  expect(asked()).toContain('Publish to obleth.usage on http://h:8123? [y/N] ')
})

test('nobody is asked for an embedded ledger, or with --yes', async () => {
  const fail = () => expect.unreachable()
  expect(await mayPublish(plan(), false, null, fail, never)).toBe(true)
  expect(await mayPublish(server, true, null, fail, never)).toBe(true)
})

test('a server without --yes and without a terminal is refused, and the hint names the way', async () => {
  await expect(mayPublish(server, false, null, () => {}, never)).rejects.toMatchObject({
    code: 'refused',
    place: 'http://h:8123',
    hint: expect.stringContaining('--yes'),
  })
})

test('an interruption ends the question', async () => {
  const controller = new AbortController()
  const answer = mayPublish(server, false, terminal('').asker, () => {}, controller.signal)
  controller.abort()
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
})
