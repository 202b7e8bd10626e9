import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempFolder } from '../../test/support/wal-tree.js'
import { MOST_OUTSTANDING } from './decode-messages.js'
import { JoinedBlocks } from './joined-blocks.js'

let dir: string
let blocks: JoinedBlocks
beforeEach(() => {
  dir = tempFolder()
  blocks = new JoinedBlocks(dir, 'block')
})
afterEach(() => blocks.close())

const taken = () => {
  const spooled = blocks.take()
  return spooled === null ? null : { ...spooled, file: readFileSync(spooled.file, 'latin1') }
}

it('holds blocks one behind the other, and counts them until they are taken', () => {
  expect(taken()).toBeNull()
  blocks.append(Buffer.from('first,'), 2)
  blocks.append(Buffer.from('second'), 3)
  expect([blocks.rows, blocks.bytes]).toEqual([5, 12])
  expect(taken()).toEqual({ file: 'first,second', bytes: 12, rows: 5 })
  expect([blocks.rows, blocks.bytes]).toEqual([0, 0])
  expect(taken()).toBeNull()
})

it('writes over a file only when those behind it have been taken, and leaves nothing of what was there', () => {
  const texts = Array.from({ length: 2 * MOST_OUTSTANDING + 1 }, (_, n) => `${n}`.repeat(20 - n))
  const files = texts.map((text) => {
    blocks.append(Buffer.from(text), 1)
    const spooled = blocks.take()
    expect(readFileSync(spooled?.file ?? '', 'latin1')).toBe(text)
    return spooled?.file
  })
  for (let n = 0; n + MOST_OUTSTANDING <= files.length; n++)
    expect(new Set(files.slice(n, n + MOST_OUTSTANDING)).size).toBe(MOST_OUTSTANDING)
  expect(readdirSync(dir)).toHaveLength(MOST_OUTSTANDING)
})

it('keeps blocks and evidence apart', () => {
  const evidence = new JoinedBlocks(dir, 'evidence')
  blocks.append(Buffer.from('records'), 1)
  evidence.append(Buffer.from('evidence'), 1)
  evidence.close()
  expect(taken()?.file).toBe('records')
})

it('names the file that cannot be written, and what to do', () => {
  blocks = new JoinedBlocks(join(dir, 'gone'), 'block')
  expect(() => blocks.append(Buffer.from('lost'), 1)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/cannot write a block/),
      place: expect.stringMatching(/gone/),
      hint: expect.stringMatching(/run the same command again/),
    }),
  )
  expect(blocks.take()).toBeNull()
})
