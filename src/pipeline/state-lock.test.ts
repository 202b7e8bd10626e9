import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { thisHolder } from './lock-holder.js'
import { StateLock } from './state-lock.js'

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'state-lock-'))
  file = join(dir, 'lock')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

it('is held once, and free again after its release', () => {
  const lock = StateLock.acquire(file)
  expect(() => StateLock.acquire(file)).toThrow(`in use by process ${process.pid}`)
  lock.release()
  StateLock.acquire(file).release()
  expect(readdirSync(dir)).toEqual([])
})

it('a lock that is there and not written yet belongs to the process that is writing it', async () => {
  writeFileSync(file, '')
  const writer = spawn('sh', ['-c', 'sleep 0.3; printf "%s\\n" "$1" > "$2"', 'sh', thisHolder(), file])
  expect(() => StateLock.acquire(file)).toThrow(`in use by process ${process.pid}`)
  await once(writer, 'close')
  expect(readFileSync(file, 'utf8')).toBe(`${thisHolder()}\n`)
})

it.each([
  ['of a process that is gone', thisHolder().replace(/^\d+ \d*/, '4194303 1')],
  ['that was never written whole', ''],
])('a lock %s is taken over', (_, text) => {
  writeFileSync(file, text)
  const lock = StateLock.acquire(file)
  expect(readFileSync(file, 'utf8')).toBe(`${thisHolder()}\n`)
  expect(readdirSync(dir)).toEqual(['lock'])
  lock.release()
})
