import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeRendered } from './write-files.js'

const FILES = [
  { name: 'a.conf', place: '/etc/a.conf', text: 'a = 1\n' },
  { name: 'b.conf', place: '/etc/b.conf', text: 'b = 2\n' },
]

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rendered-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const refused = expect.objectContaining({ code: 'refused', place: expect.stringContaining('b.conf') })

test('files are written for their owner alone; written again they are as they were', async () => {
  const folder = join(root, 'deep/down')
  expect((await writeRendered(FILES, folder)).files.map(({ state }) => state)).toEqual(['written', 'written'])
  expect(FILES.map(({ name }) => readFileSync(join(folder, name), 'utf8'))).toEqual(FILES.map(({ text }) => text))
  for (const { name } of FILES) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
  expect((await writeRendered(FILES, folder)).files.map(({ state }) => state)).toEqual(['unchanged', 'unchanged'])
  expect(readdirSync(folder).sort()).toEqual(['a.conf', 'b.conf'])
})

test('one that differs, or is a folder, is left, and nothing is written', async () => {
  writeFileSync(join(root, 'b.conf'), 'mine\n')
  await expect(writeRendered(FILES, root)).rejects.toEqual(refused)
  expect(readdirSync(root)).toEqual(['b.conf'])
  expect(readFileSync(join(root, 'b.conf'), 'utf8')).toBe('mine\n')
  rmSync(join(root, 'b.conf'))
  mkdirSync(join(root, 'b.conf'))
  await expect(writeRendered(FILES, root)).rejects.toEqual(refused)
})
