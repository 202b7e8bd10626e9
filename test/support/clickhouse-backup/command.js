#!/usr/bin/env node
/**
 * The command line of the stand-in: takes just those arguments, and in that order, that clickhouse-backup 2.8 takes and this
 * tool gives. It notes each call in `calls.jsonl` of its folder; what it did not expect goes to `wrong.jsonl`.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StandIn } from './stand-in.js'

const { STAND_IN_DIR: dir, CLICKHOUSE_URL, CLICKHOUSE_USERNAME, CLICKHOUSE_PASSWORD, REMOTE_STORAGE } = process.env
const args = process.argv.slice(2)
mkdirSync(dir, { recursive: true })
appendFileSync(join(dir, 'calls.jsonl'), `${JSON.stringify(args)}\n`)
const tool = new StandIn({
  dir,
  url: CLICKHOUSE_URL,
  user: CLICKHOUSE_USERNAME,
  password: CLICKHOUSE_PASSWORD,
  remote: (REMOTE_STORAGE ?? 'none') !== 'none',
})

function wrong() {
  appendFileSync(join(dir, 'wrong.jsonl'), `${JSON.stringify(args)}\n`)
  throw new Error(`Incorrect Usage: ${args.join(' ')}`)
}

/** As the real one, by a file with the process's id: one command at a time for each backup. */
async function alone(name, step, work) {
  const lock = join(dir, `clickhouse-backup.${name}.pid`)
  const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : null
  if (pid !== null && isAlive(pid))
    throw new Error(`another clickhouse-backup \`${step}\` command is already running, pid ${pid}`)
  writeFileSync(lock, String(process.pid))
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function print(rows) {
  const shown = rows.map(({ name, where, bytes, broken }) => ({
    BackupName: name,
    CreationDate: '2026-03-11T02:00:00Z',
    Size: broken
      ? '???'
      : `all:${(bytes / 1024).toFixed(2)}KiB,data:${(bytes / 1024).toFixed(2)}KiB,arch:0B,obj:0B,meta:0B,rbac:0B,conf:0B,nc:0B`,
    Description: broken ? 'broken metadata.json not found' : where === 'local' ? 'regular' : 'tar, regular',
    RequiredBackup: '',
    Type: where,
  }))
  process.stdout.write(`${JSON.stringify(shown)}\n`)
}

async function main() {
  const [step, ...rest] = args
  const [last] = rest.slice(-1)
  const named = (count) => (rest.length === count ? last : wrong())
  switch (step) {
    case '--version':
      return void process.stdout.write('Version:\t 2.8.1\nGit Commit:\t 0123456789abcdef\n')
    case 'create':
      if (named(3) === undefined || rest[0] !== '-t') return wrong()
      return alone(last, step, () => tool.create(rest[1], last))
    case 'upload':
    case 'download':
      return alone(named(1), step, () => tool[step](last))
    case 'restore':
      if (named(4) === undefined || !['-s', '-d'].includes(rest[0]) || rest[1] !== '-m') return wrong()
      return alone(last, step, () => tool.restore(rest[0] === '-s' ? 'schema' : 'data', rest[2], last))
    case 'list':
      if (rest[0] !== '-f' || rest[1] !== 'json' || !['local', 'remote'].includes(named(3))) return wrong()
      // It connects to ClickHouse first.
      await tool.ask('SELECT 1')
      return print(tool.list(last))
    case 'delete':
      if (!['local', 'remote'].includes(rest[0])) return wrong()
      return alone(named(2), step, () => tool.delete(rest[0], last))
    default:
      return wrong()
  }
}

// As work would keep it.
const alive = setInterval(() => {}, 60_000)
try {
  await main()
  process.stderr.write('2026-03-11 02:00:01.000 INF done duration=1s\n')
} catch (error) {
  process.stderr.write(`2026-03-11 02:00:01.000 INF pid=${process.pid} begun\n`)
  process.stderr.write(`2026-03-11 02:00:01.000 FTL cmd/clickhouse-backup/main.go:890 > error="${error.message}"\n`)
  process.exitCode = 1
} finally {
  clearInterval(alive)
}
