import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunDocument } from '../../src/domain/document.js'
import type { QuarantineEntry } from '../../src/domain/wal.js'
import { cleanEnv, type Row } from './ledger-dir.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const RUN_SQL = fileURLToPath(new URL('run-sql.js', import.meta.url))
const CASES = fileURLToPath(new URL('../fixtures/cases/', import.meta.url))

/** A stretch of bytes that a case says something about. */
export interface Stretch {
  readonly file: string
  readonly line: number
  readonly byte_offset: number
  readonly length: number
  readonly sha256: string
  readonly reason_class?: string
  readonly may_instead_load?: readonly string[]
}

interface Sums {
  readonly requests: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: string
}

/** expected.json of a case, as far as it is about a replay. */
export interface Expected {
  readonly kind: string
  readonly exit_expectation: string
  readonly totals: {
    readonly records_loaded: number
    readonly sum_input_tokens: number
    readonly sum_output_tokens: number
    readonly sum_cost_usd_exact: string
    readonly duplicates_collapsed: number
  }
  readonly totals_minimum_if_no_salvage?: Expected['totals']
  readonly per_utc_day: Readonly<Record<string, Sums>>
  readonly required_request_ids: readonly string[]
  readonly salvageable_request_ids?: readonly string[]
  readonly tolerated_request_ids?: readonly string[]
  readonly salvage_lines?: readonly (Stretch & { readonly request_ids: readonly string[] })[]
  readonly quarantined: readonly Stretch[]
  readonly incomplete_tails: readonly Stretch[]
  readonly conflicts?: readonly { readonly request_id: string }[]
  readonly usage_daily_rows?: readonly Readonly<Record<string, string | number>>[]
  readonly unknown_fields?: Readonly<Record<string, number>>
  readonly exact_int_checks?: Readonly<Record<string, { readonly weight: string }>>
  readonly float_bits_hex_be?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly model_checks?: Readonly<Record<string, string>>
}

export const caseNames = (): string[] => readdirSync(CASES).sort()
export const casePath = (name: string, ...below: string[]): string => join(CASES, name, ...below)
export const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(casePath(name, 'expected.json'), 'utf8')) as Expected

/** The input of a case below a folder of the test's own, with the link that the case is about: not every copy keeps links. */
export function caseInput(name: string, root: string): string {
  const input = join(root, 'input')
  cpSync(casePath(name, 'input'), input, { recursive: true })
  if (name !== '053') return input
  const loop = join(input, 'router-5c4b-0', 'loop')
  rmSync(loop, { force: true })
  symlinkSync('.', loop)
  return input
}

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The built command with a ledger of its own, run without blocking the process, so that two can go at a time. */
export class CaseLedger {
  readonly root = mkdtempSync(join(tmpdir(), 'case-'))
  private readonly target = ['--embedded', join(this.root, 'ledger'), '--state-dir', join(this.root, 'state')]

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  command(args: readonly string[]): Promise<Answer> {
    return finished([CLI, ...args, ...this.target], cleanEnv({ TZ: 'America/Los_Angeles' }), this.root)
  }

  async replay(input: string, ...args: string[]): Promise<{ code: number; document: RunDocument; stderr: string }> {
    const { code, stdout, stderr } = await this.command(['replay', input, '--json', '--quiet', ...args])
    try {
      return { code, stderr, document: JSON.parse(stdout) as RunDocument }
    } catch {
      throw new Error(`no JSON document, exit ${code}: ${stdout.slice(0, 300)}\n${stderr}`)
    }
  }

  async sql(...statements: string[]): Promise<Row[][]> {
    const file = join(this.root, 'statements.json')
    writeFileSync(file, JSON.stringify(statements))
    const { code, stdout, stderr } = await finished([RUN_SQL, join(this.root, 'ledger'), file], cleanEnv(), this.root)
    if (code !== 0) throw new Error(stderr)
    return JSON.parse(stdout) as Row[][]
  }
}

function finished(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd, env, maxBuffer: 1 << 28 }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The entries of a run's quarantine file, none where there is no file. */
export function quarantineOf(document: RunDocument): QuarantineEntry[] {
  if (document.quarantine === null) return []
  const lines = readFileSync(document.quarantine, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as QuarantineEntry)
}

const SCALE = 30

/** Decimal texts as integers of 10^-30, so that they can be added up exactly. */
export function decimal(text: string): bigint {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = BigInt(whole + fraction) * 10n ** BigInt(SCALE + Number(exponent) - fraction.length)
  return sign === '-' ? -digits : digits
}
