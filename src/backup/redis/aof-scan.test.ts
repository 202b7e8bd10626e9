import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { scanAof } from './aof-scan.js'

const folder = mkdtempSync(join(tmpdir(), 'aof-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function scan(content: Buffer) {
  const file = join(folder, 'log')
  writeFileSync(file, content)
  const handle = await open(file, 'r')
  try {
    return await scanAof(handle, content.length)
  } finally {
    await handle.close()
  }
}

const command = (...args: (string | Uint8Array)[]): Buffer =>
  Buffer.concat([
    Buffer.from(`*${args.length}\r\n`),
    ...args.flatMap((arg) => {
      const bytes = Buffer.from(arg)
      return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]
    }),
  ])

const SET = command('SET', 'key', 'value')
const MULTI = Buffer.concat([command('MULTI'), SET, SET])
const EXEC = command('EXEC')

describe('the log of commands', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 0, 0, 'whole'],
    ['two commands', Buffer.concat([SET, SET]), 2 * SET.length, 2, 'whole'],
    ['a note of the time', Buffer.concat([Buffer.from('#TS:1700000000\r\n'), SET]), 16 + SET.length, 1, 'whole'],
    ['a transaction', Buffer.concat([MULTI, EXEC]), MULTI.length + EXEC.length, 4, 'whole'],
    ['a transaction without its end', Buffer.concat([SET, MULTI]), SET.length, 1, 'cut'],
    ['a transaction that only ends', Buffer.concat([SET, EXEC]), SET.length, 1, 'damaged'],
    ['a transaction in another', Buffer.concat([SET, MULTI, MULTI]), SET.length, 1, 'damaged'],
    ['zeros behind it', Buffer.concat([SET, Buffer.alloc(40)]), SET.length, 1, 'damaged'],
    [
      'zeros in place of its end',
      Buffer.concat([SET, SET.subarray(0, 20), Buffer.alloc(40)]),
      SET.length,
      1,
      'damaged',
    ],
    ['other bytes in the middle', Buffer.concat([SET, Buffer.from('hello'), SET]), SET.length, 1, 'damaged'],
    ['a length that is wrong by one', Buffer.from(String(SET).replace('$5', '$6')), 0, 0, 'damaged'],
    ['a negative length', Buffer.from(String(SET).replace('$5', '$-5')), 0, 0, 'damaged'],
    ['no arguments', Buffer.from('*0\r\n'), 0, 0, 'damaged'],
    ['a line that does not end', Buffer.concat([SET, Buffer.alloc(1000, '*1')]), SET.length, 1, 'damaged'],
    ['a length that is longer than the file', Buffer.from('*1\r\n$999999\r\nab'), 0, 0, 'cut'],
  ])('%s', async (_, content, wholeBytes, commands, state) => {
    expect(await scan(content)).toEqual({ bytes: content.length, wholeBytes, commands, state })
  })

  it('cut at any byte it is whole up to the last whole command', async () => {
    const argument = fc.oneof(fc.string(), fc.uint8Array({ maxLength: 300 }), fc.constant(Buffer.alloc(3 << 20, 'x')))
    const logs = fc.array(fc.array(argument, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(logs, fc.double({ min: 0, max: 1, noNaN: true }), async (log, share) => {
        const commands = log.map((args) => command('SET', ...args))
        const ends = commands.map((_, n) => Buffer.concat(commands.slice(0, n + 1)).length)
        const whole = Buffer.concat(commands)
        const at = Math.floor(share * whole.length)
        const wholeBytes = Math.max(0, ...ends.filter((end) => end <= at))
        expect(await scan(whole.subarray(0, at))).toEqual({
          bytes: at,
          wholeBytes,
          commands: ends.filter((end) => end <= at).length,
          state: at === wholeBytes ? 'whole' : 'cut',
        })
      }),
      { numRuns: 60 },
    )
  })
})

const hasProgram = spawnSync('redis-check-aof', ['x']).error === undefined || process.env.CI === 'true'

describe.skipIf(!hasProgram)('as redis-check-aof sees it', () => {
  it('a byte changed or cut anywhere leaves the same good part', async () => {
    const log = Buffer.concat([SET, MULTI, EXEC, command('RPUSH', 'list', Buffer.from([0, 13, 10, 255])), SET])
    let differed = 0
    for (let at = 0; at < log.length; at++) {
      const cut = log.subarray(0, at)
      const changed = Buffer.from(log)
      changed[at] ^= 0x15
      for (const content of [cut, changed]) {
        const { wholeBytes, state } = await scan(content)
        const said = spawnSync('redis-check-aof', [join(folder, 'log')], { encoding: 'utf8' })
        const good = /ok_up_to=(\d+)/.exec(said.stdout)?.[1]
        if (good === undefined) continue
        differed++
        expect([at, content === cut, wholeBytes, state === 'whole']).toEqual([
          at,
          content === cut,
          Number(good),
          said.status === 0,
        ])
      }
    }
    expect(differed).toBeGreaterThan(log.length)
  })
})
