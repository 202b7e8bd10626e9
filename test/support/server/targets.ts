import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret, type TargetOptions } from '../../../src/domain/options.js'
import { connect } from '../../../src/ledger/connect.js'
import type { Ledger } from '../../../src/ledger/ledger.js'
import { startServer, type TestServer } from './index.js'

export const USER = 'ledger'
export const PASSWORD = 's3cret-Pa55'

/** A place where ledgers live, of one of the two kinds, for the tests of one file. */
export interface TestTarget {
  readonly kind: Ledger['kind']
  /** Directory for files that the engine and the test share. */
  readonly scratch: string
  /** Options for the database of this name. */
  options(database: string): TargetOptions
  /** Connects to the database of this name, which need not exist. The earlier ledger must be closed. */
  open(database: string): Promise<Ledger>
  remove(): Promise<void>
  /** The running server; undefined for the embedded kind. */
  server: TestServer | undefined
}

export async function makeTarget(kind: Ledger['kind'], timeoutMs = 30_000): Promise<TestTarget> {
  const directory = mkdtempSync(join(tmpdir(), 'obleth-ledger-test-'))
  const data = join(directory, 'data')
  const options = (database: string): TargetOptions => ({
    url: target.server?.url,
    user: USER,
    password: new Secret(PASSWORD),
    caCertificates: undefined,
    database,
    embedded: data,
    timeoutMs,
  })
  const target: TestTarget = {
    kind,
    scratch: directory,
    server: kind === 'server' ? await startServer({ dir: data, user: USER, password: PASSWORD }) : undefined,
    options,
    open: (database) => connect(options(database)),
    async remove() {
      await target.server?.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  return target
}
