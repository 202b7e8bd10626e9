import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { withoutStrace } from '../support/kill-rename.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { record, SEGMENT, segment } from '../support/records.js'

const missing = withoutStrace()

/** The calls of a replay that write, name or sync a file below its state directory, in their order: `fsync run.json.tmp`. */
function syncsOf(dir: LedgerDir): string[] {
  const log = join(dir.root, 'strace.log')
  const calls = 'mkdir,openat,rename,renameat,renameat2,fsync,fdatasync,write,pwrite64'
  const strace = ['strace', '-f', '-y', '-qq', '-s', '300', '-o', log, '-e', `trace=${calls}`]
  const ran = dir.run(['replay', dir.pods], {}, strace)
  // The file has a line that is no record.
  expect(ran.code, ran.stderr).toBe(3)
  const lines = readFileSync(log, 'utf8').replace(
    /^(\d+) (.*) <unfinished \.\.\.>\n((?:(?!\1 ).*\n)*)\1 <\.\.\. \w+ resumed>/gm,
    '$3$1 $2',
  )
  return lines.split('\n').flatMap((line) => deedOf(dir, line))
}

function deedOf(dir: LedgerDir, line: string): string[] {
  const call = /^\d+ +(\w+)\(/.exec(line)?.[1]
  const named = call === 'mkdir' || call?.startsWith('rename') ? /"([^"]*)"[^"]*$/ : /<([^>]*)>/
  const path = named.exec(line)?.[1]
  if (call === undefined || path === undefined || / = -1 /.test(line)) return []
  if (path === dir.root && call === 'fsync') return ['fsync root']
  if (path !== dir.state && !path.startsWith(`${dir.state}/`)) return []
  const name = path
    .slice(dir.root.length + 1)
    .replace(/^state\/[0-9a-f]{16}/, 'run')
    .replace(/run\.json\.\d+$/, 'run.json.tmp')
  if (/^run\/(spool|lock)/.test(name) || call === 'openat') return []
  return [`${call.replace('pwrite64', 'write').replace(/renameat2?/, 'rename')} ${name}`]
}

it.skipIf(missing !== null)('what a replay keeps is on disk before anything is built on it', () => {
  const dir = new LedgerDir()
  dir.write(SEGMENT, `${segment([[record(1), record(2)]])}no record\n`)
  const first = syncsOf(dir)
  expect(first.slice(0, 4)).toEqual(['mkdir state', 'mkdir run', 'fsync state', 'fsync root'])
  expectOrder(first.slice(4), ['write run/quarantine.jsonl', 'fsync run/quarantine.jsonl'])
  // The same again: nothing is quarantined anew, and what is known of it is synced all the same.
  expectOrder(syncsOf(dir), ['fsync run/quarantine.jsonl'])
  dir.remove()
})

/** The state is saved as staging, staged, publishing and published; decoding goes on beside the first of these. */
function expectOrder(deeds: readonly string[], quarantine: readonly string[]): void {
  const saved = ['write run/run.json.tmp', 'fsync run/run.json.tmp', 'rename run/run.json', 'fsync run']
  const ofQuarantine = deeds.filter((deed) => deed.includes('quarantine'))
  const others = deeds.filter((deed) => !deed.includes('quarantine'))
  expect(ofQuarantine).toEqual(quarantine)
  expect(others).toEqual([...saved, ...saved, ...saved, ...saved])
  const staged = deeds.indexOf(saved[0], deeds.indexOf(saved[0]) + 1)
  expect(deeds.lastIndexOf('fsync run/quarantine.jsonl')).toBeLessThan(staged)
}
