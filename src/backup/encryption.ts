import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Encryption, KeyOptions } from '../domain/backup.js'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { lastWords, type Running, run, stream } from './program.js'
import { temporaryFolder } from './temporary.js'

/** Ending of a stored file's name, by how it is encrypted. */
export const SUFFIX: Readonly<Record<Encryption, string>> = { none: '', age: '.age', gpg: '.gpg' }

/**
 * How new backups are encrypted, as the options say.
 *
 * @throws LedgerError `usage` where they name two ways, `config` where a key file cannot be read
 */
export function encryptionOf({ ageRecipients, gpgPassphraseFile }: KeyOptions): Encryption {
  if (ageRecipients !== undefined && gpgPassphraseFile !== undefined)
    throw new LedgerError('usage', 'two ways of encryption are named', {
      hint: 'give either --age-recipients or --gpg-passphrase-file',
    })
  if (ageRecipients !== undefined) return assertReadable(ageRecipients, 'age')
  return gpgPassphraseFile === undefined ? 'none' : assertReadable(gpgPassphraseFile, 'gpg')
}

/** Encrypts bytes on their way. Throws where the program fails, once the bytes have ended. */
export async function* encrypt(
  chunks: AsyncIterable<Uint8Array>,
  way: Encryption,
  keys: KeyOptions,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  if (way === 'none') yield* chunks
  else yield* through(chunks, way, keys, 'encrypt', signal)
}

/**
 * Decrypts bytes on their way. Both programs give out bytes before they find that these were damaged or the key is a
 * wrong one: what came is worth nothing where this throws, so nobody may use it before the end.
 *
 * @throws LedgerError `access_denied` for a wrong key, `config` where none is named, `verification_failed` for damage
 */
export async function* decrypt(
  chunks: AsyncIterable<Uint8Array>,
  way: Encryption,
  keys: KeyOptions,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  if (way === 'none') yield* chunks
  else yield* through(chunks, way, keys, 'decrypt', signal)
}

async function* through(
  chunks: AsyncIterable<Uint8Array>,
  way: 'age' | 'gpg',
  keys: KeyOptions,
  direction: 'encrypt' | 'decrypt',
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const home = way === 'gpg' ? await temporaryFolder('gpg') : null
  let running: Running | undefined
  // What the input's maker throws is why the program found it cut.
  let failed: unknown
  const fed = (async function* () {
    try {
      yield* chunks
    } catch (error) {
      failed = error
      throw error
    }
  })()
  try {
    const args = home === null ? ageArguments(keys, direction) : await gpgArguments(keys, direction, home)
    running = stream(way, args, { input: fed, env: home === null ? {} : { GNUPGHOME: home }, signal })
    yield* running.stdout
    const ran = await running.ended()
    if (failed !== undefined) throw failed
    if (ran.exitCode !== 0) throw refusal(way, direction, lastWords(ran))
  } finally {
    running?.stop()
    if (home !== null) await leaveGpg(home)
  }
}

/**
 * Sees to it that a key for such a backup is named, before anybody is asked whether to restore it.
 *
 * @returns the file that holds it; undefined where none is needed
 * @throws LedgerError `config` where none is named or its file is not there
 */
export function assertKey(way: Encryption, { ageIdentity, gpgPassphraseFile }: KeyOptions): string | undefined {
  if (way === 'none') return undefined
  const [option, file] =
    way === 'age' ? (['--age-identity', ageIdentity] as const) : (['--gpg-passphrase-file', gpgPassphraseFile] as const)
  if (file === undefined)
    throw new LedgerError('config', `the backup is encrypted with ${way}, and no key is named`, {
      hint: `name the file with the key: ${option}`,
    })
  assertReadable(file, way)
  return file
}

function ageArguments(keys: KeyOptions, direction: 'encrypt' | 'decrypt'): string[] {
  if (direction === 'encrypt') return ['-R', keys.ageRecipients ?? '']
  return ['-d', '-i', assertKey('age', keys) ?? '']
}

/** The passphrase goes through a file of this process alone: gpg reads the user's own one as it is, last line feed too. */
async function gpgArguments(keys: KeyOptions, direction: 'encrypt' | 'decrypt', home: string): Promise<string[]> {
  const named = assertKey('gpg', keys) ?? ''
  const passphrase = readFileSync(named, 'utf8').split(/\r?\n/, 1)[0]
  if (passphrase === '')
    throw new LedgerError('config', 'the passphrase is empty', {
      place: printable(named),
      hint: 'write the passphrase to the first line of that file',
    })
  const file = join(home, 'passphrase')
  await writeFile(file, passphrase, { mode: 0o600 })
  const how = direction === 'encrypt' ? ['--symmetric', '--cipher-algo', 'AES256'] : ['--decrypt']
  return ['--batch', '--yes', '--quiet', '--no-tty', '--pinentry-mode', 'loopback', '--passphrase-file', file, ...how]
}

/** gpg leaves an agent behind for each home. */
async function leaveGpg(home: string): Promise<void> {
  await run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent'], { signal: new AbortController().signal }).catch(
    () => {},
  )
  await rm(home, { recursive: true, force: true })
}

function assertReadable<W extends Encryption>(file: string, way: W): W {
  if (existsSync(file)) return way
  throw new LedgerError('config', `the file with the key of ${way} is not there`, {
    place: printable(file),
    hint: 'name the right file, then run the same command again',
  })
}

/** What age adds to each of its errors. */
const ASIDE = /;? ?age: report unexpected or unhelpful errors at \S+/
const WRONG_KEY = /no identity matched|bad session key|decryption failed: (bad|no secret)/i

function refusal(way: Encryption, direction: 'encrypt' | 'decrypt', words: string): LedgerError {
  const said = words.replace(ASIDE, '')
  if (direction === 'encrypt')
    return new LedgerError('config', `${way} cannot encrypt: ${said}`, {
      place: way,
      hint: 'check the file with the recipients or the passphrase, then run the same command again',
    })
  if (WRONG_KEY.test(said))
    return new LedgerError('access_denied', `the key does not open this backup: ${said}`, {
      place: way,
      hint: 'name the key that it was made with; a file of age identities may hold several, those of older backups too',
    })
  return new LedgerError('verification_failed', `the encrypted backup is damaged: ${said}`, {
    place: way,
    hint: 'obleth-ledger backups verify tells which backups are sound; nothing was restored',
  })
}
