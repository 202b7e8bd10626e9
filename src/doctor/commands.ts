import { Temporal } from 'temporal-polyfill'
import type { Encryption, StoreName } from '../domain/backup.js'
import type { RecoveryWindow } from '../domain/pitr.js'
import { shellLine } from '../domain/shell-line.js'
import { type Deployment, mayBeBackedUp } from './deployment.js'

/** Where no sources are named: how the pods of a cluster are. */
export const ANY_PODS = 'k8s://obleth/app.kubernetes.io/name=obleth'

/**
 * The commands of runbooks, with the user's own values. Passwords are none of them: they stay where the user has put them,
 * in the environment or a file.
 */
export class Commands {
  constructor(private readonly deployment: Deployment) {}

  backup(store: StoreName): string {
    return this.line('backup', store, ...this.at(store), ...this.backups())
  }

  restore(store: StoreName): string {
    const into = this.deployment.options.stores.redis.dataDir ?? '<data dir of Redis>'
    const where = store === 'redis' ? ['--into', into] : this.at(store)
    return this.line('restore', store, 'latest', ...where, ...this.backups(), ...this.keys(store))
  }

  /** Postgres as it was at the last moment that its archive can bring back, into a new directory beside the old one. */
  restoreArchived(): string {
    const { archive, window } = this.deployment
    if (archive === null || window === null) return this.restore('postgres')
    const config = archive.toolConfig === undefined ? [] : ['--tool-config', archive.toolConfig]
    const words = ['--to', lastMoment(window), '--into', `${archive.dataDir}-recovered`, '--pg-data', archive.dataDir]
    return this.line('restore', 'postgres', ...words, '--cluster', archive.name, '--tool', archive.tool, ...config)
  }

  /** Whether Redis writes to disk. */
  checkRedis(): string {
    return this.line('backup', 'redis', '--check')
  }

  /** Of this store alone: proving the others may need what is lost as well. */
  verify(store: StoreName): string {
    const named = this.deployment.newest.get(store)?.id ?? 'latest'
    return this.line('backups', 'verify', named, ...this.backups(), ...this.keys(store))
  }

  list(): string {
    return this.line('backups', 'list', ...this.backups())
  }

  collect(bundle: string): string {
    const { sources } = this.deployment
    return this.line('collect', ...(sources.length > 0 ? sources : [ANY_PODS]), '--to', bundle, ...this.s3())
  }

  proveBundle(bundle: string): string {
    return this.line('collect', '--verify', '--to', bundle)
  }

  /** Into an empty server where no backup gives it its tables; an embedded ledger makes its own. */
  replay(bundle: string, ...more: readonly string[]): string {
    const bare =
      this.deployment.options.stores.clickhouse.url !== undefined && !mayBeBackedUp(this.deployment, 'clickhouse')
    return this.line('replay', bundle, ...this.at('clickhouse'), ...(bare ? ['--create-schema'] : []), ...more)
  }

  audit(...sources: readonly string[]): string {
    return this.line('audit', ...sources, ...this.at('clickhouse'))
  }

  /** How a store is named on the command line; without its password. */
  private at(store: StoreName): readonly string[] {
    const { stores } = this.deployment.options
    if (store === 'clickhouse') {
      const { url, database, user, embedded } = stores.clickhouse
      if (url === undefined) return ['--embedded', embedded]
      const more = [...(database === 'obleth' ? [] : ['--clickhouse-db', database])]
      return ['--clickhouse-url', url, ...more, ...(user === 'default' ? [] : ['--clickhouse-user', user])]
    }
    // Their URLs hold passwords, so they come from the environment.
    return []
  }

  private backups(): readonly string[] {
    return ['--backups', this.deployment.options.place, ...this.s3()]
  }

  private s3(): readonly string[] {
    const { endpoint, pathStyle } = this.deployment.options.s3
    return [...(endpoint === undefined ? [] : ['--s3-endpoint', endpoint]), ...(pathStyle ? ['--s3-path-style'] : [])]
  }

  /** The keys that the user names, and room for one that the newest backup of the store needs besides. */
  private keys(store: StoreName): readonly string[] {
    const { options, newest } = this.deployment
    const needed = (way: Encryption) => newest.get(store)?.encryption === way
    const age = options.keys.ageIdentity ?? (needed('age') ? '<file with the age identity>' : undefined)
    const gpg = options.keys.gpgPassphraseFile ?? (needed('gpg') ? '<file with the passphrase>' : undefined)
    return [
      ...(age === undefined ? [] : ['--age-identity', age]),
      ...(gpg === undefined ? [] : ['--gpg-passphrase-file', gpg]),
    ]
  }

  private line(...words: readonly string[]): string {
    return shellLine(['obleth-ledger', ...words])
  }
}

/** The microsecond before the end of a window, which itself is too late. */
function lastMoment({ before }: RecoveryWindow): string {
  const micros = Temporal.Instant.from(before).epochNanoseconds / 1000n - 1n
  return Temporal.Instant.fromEpochNanoseconds(micros * 1000n).toString({ smallestUnit: 'microsecond' })
}
