import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import type { TargetOptions } from '../../domain/options.js'
import { nextSteps } from './next-steps.js'

const target = (changes: Partial<TargetOptions>): TargetOptions => ({
  url: undefined,
  user: 'default',
  password: undefined,
  caCertificates: undefined,
  database: 'obleth',
  embedded: './data',
  timeoutMs: 1000,
  ...changes,
})

it('commands are those that a shell takes as they are meant', () => {
  const odd = "it's a $HOME `dir`; rm *"
  const [replay] = nextSteps(target({ embedded: odd }), ['./pods/*', odd], null)
  const words = execFileSync('sh', ['-c', replay.replace('obleth-ledger', "printf '%s\\n'")], { encoding: 'utf8' })
  expect(words.trimEnd().split('\n')).toEqual([
    'replay',
    './pods/*',
    odd,
    '--embedded',
    odd,
    '--clickhouse-db',
    'obleth',
  ])
})

it('rows of the time since are brought back first, on a server only with --yes', () => {
  const server = target({ url: 'http://clickhouse:8123', user: 'ledger' })
  const [back, replay, audit] = nextSteps(server, [], { database: 'obleth_before_x', columns: ['request_id', 'ts_ms'] })
  expect(back).toMatch(
    /^obleth-ledger query 'INSERT INTO `obleth`\.usage \(`request_id`, `ts_ms`\) SELECT .* FROM `obleth_before_x`\.usage WHERE request_id NOT IN .*' --write --clickhouse-url/,
  )
  const where = '--clickhouse-url http://clickhouse:8123 --clickhouse-user ledger --clickhouse-db obleth'
  expect(replay).toBe(`obleth-ledger replay <WAL files of all pods> ${where} --yes`)
  expect(audit).toBe(`obleth-ledger audit ${where}`)
})
