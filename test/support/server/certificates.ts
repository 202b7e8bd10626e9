import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whether the tests that need openssl run: with CI=true they do, and fail where it is missing. */
export const hasOpenssl = process.env.CI === 'true' || spawnSync('openssl', ['version']).error === undefined

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** A private certification authority in a directory, made at test time. */
export class TestCa {
  /** PEM file with its certificate. */
  readonly file: string

  constructor(
    private readonly dir: string,
    private readonly name: string,
  ) {
    this.file = join(dir, `${name}.pem`)
    openssl(
      'req',
      '-x509',
      ...EC,
      '-keyout',
      `${this.file}.key`,
      '-out',
      this.file,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
    )
  }

  /** A server's certificate and key, PEM. `names`: as in `DNS:localhost`; `days` until it expires, negative for the past. */
  issue(names: string, days = 1): { cert: string; key: string } {
    const [key, request, cert, extensions] = ['key', 'csr', 'crt', 'ext'].map((end) => join(this.dir, `server.${end}`))
    writeFileSync(extensions, `subjectAltName=${names}\n`)
    openssl('req', '-new', ...EC, '-keyout', key, '-out', request, '-subj', `/CN=server of ${this.name}`)
    const signed = ['-CA', this.file, '-CAkey', `${this.file}.key`, '-CAcreateserial', '-extfile', extensions]
    openssl('x509', '-req', '-in', request, ...signed, '-days', String(days), '-out', cert)
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
