import type { TimeWindow } from './audit.js'

/** Parsed options, as the config stage hands them to the pipeline. Times are unix ms, sizes bytes. */

export interface TargetOptions {
  /** Server URL without credentials; undefined means the embedded ledger. */
  readonly url: string | undefined
  readonly user: string
  /** Wrapped so that printing or serialising it shows nothing. */
  readonly password: Secret | undefined
  /** PEM text of the CAs to trust in place of the public ones; undefined for those. */
  readonly caCertificates: string | undefined
  readonly database: string
  /** Directory of the embedded ledger. */
  readonly embedded: string
  /** Longest wait for one answer of a server, ms. */
  readonly timeoutMs: number
}

export type ExpiredRule = 'refuse' | 'skip' | 'include'

/** How rows get from staging into `usage`: partitions are moved, or rows inserted in blocks, which fires the views. */
export type PublishWay = 'move' | 'insert'

/** How a store shall encrypt what is uploaded: with a key of its own, or with one of its key service. */
export interface ServerSideEncryption {
  readonly algorithm: 'AES256' | 'aws:kms'
  /** Id, ARN or alias of the key, for aws:kms alone; null for the account's default key. */
  readonly keyId: string | null
}

/** How a store that speaks the S3 protocol is reached; credentials and region come from the standard AWS chain. */
export interface S3Options {
  /** URL; undefined for AWS, or what the standard chain names. */
  readonly endpoint: string | undefined
  /** True: the bucket stands in the path, not in the host's name. */
  readonly pathStyle: boolean
  /** Longest silence of the store, ms. */
  readonly timeoutMs: number
  /** Which uploads carry a checksum: all, where not given, or only those for which the protocol demands one. */
  readonly checksums?: 'always' | 'required' | undefined
  /** Of what is uploaded; undefined for what the bucket does by itself. */
  readonly encryption?: ServerSideEncryption | undefined
}

export interface InputOptions {
  /** Directories, files, archives, patterns or s3:// URLs, as given. */
  readonly sources: readonly string[]
  readonly s3: S3Options
  /** Half-open window on ts_ms. */
  readonly sinceMs: number | undefined
  readonly untilMs: number | undefined
  /** Lower-case hyphenated tenant ids; empty means all. */
  readonly tenants: readonly string[]
  readonly acceptFuture: boolean
  /** Files examined, and archives read, at once. */
  readonly concurrency: number
  /** What Node's own structures may take, bytes. */
  readonly memoryBytes: number
  readonly stateDir: string
  /** About so many bytes of the files are read, and not the others; where not given, all. */
  readonly sampleBytes?: number
}

export interface CollectOptions extends Pick<InputOptions, 'sources' | 's3' | 'concurrency' | 'stateDir'> {
  /** Folder of the bundle, or s3://bucket/prefix. */
  readonly to: string
  /** Most bytes a second that are read, and as many that are uploaded; undefined for no limit. */
  readonly bytesPerSecond: number | undefined
  readonly breakLock: boolean
}

export interface ReplayOptions extends InputOptions {
  readonly target: TargetOptions
  readonly dryRun: boolean
  readonly stageOnly: boolean
  readonly createSchema: boolean
  readonly expired: ExpiredRule
  readonly publish: PublishWay
  readonly repairRollup: boolean
  readonly breakLock: boolean
  /** obleth's own retention, days (OBLETH_USAGE_RETENTION_DAYS, 180 where not set). */
  readonly retentionDays: number
  readonly yes: boolean
}

/** What a bill is about, as asked: a calendar period, or a half-open window in unix ms. */
export type PeriodRequest =
  | { readonly kind: 'calendar'; readonly period: string }
  | { readonly kind: 'window'; readonly sinceMs: number; readonly untilMs: number }

export interface BillOptions {
  readonly target: TargetOptions
  readonly period: PeriodRequest
  /** IANA name or offset, checked. */
  readonly timeZone: string
  /** Empty for all. */
  readonly tenants: readonly string[]
  /** Digits behind the point of each amount due. */
  readonly digits: number
  readonly postgresUrl: Secret | undefined
  readonly outages: readonly TimeWindow[]
  /** File of waivers; undefined for the default one. */
  readonly waivers: string | undefined
  /** Days that obleth keeps in `usage`. */
  readonly retentionDays: number
  readonly configBackup: string | undefined
}

/** Text that no log, error, JSON or inspection shows. */
export class Secret {
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }
  /** The text itself, for the one place that sends it. */
  reveal(): string {
    return this.#text
  }
  toString(): string {
    return '***'
  }
  toJSON(): string {
    return '***'
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***'
  }
}
