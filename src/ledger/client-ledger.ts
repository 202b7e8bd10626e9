import type { Readable } from 'node:stream'
import { adaptError } from './adapt-error.js'
import { jsonRows, notAnAnswer, textOf } from './answer.js'
import { identifier } from './identifiers.js'
import type { Ledger, NativeInsert, Params } from './ledger.js'
import { OUTPUT_SETTINGS, type SettingValue, settingsClause } from './settings.js'

/** Sends one statement and gives the body of its answer; throws where the answer is an error. */
export type Send = (sql: string, params?: Params, queryId?: string) => Promise<Readable>

/** What both kinds of ledger have in common: everything but the way of a statement and of a block to the engine. */
export abstract class ClientLedger implements Ledger {
  abstract readonly kind: 'embedded' | 'server'

  constructor(
    readonly location: string,
    readonly database: string,
    readonly queryIds: string,
    /** Names of the settings that the target's version knows and its user may change. */
    private readonly knownSettings: ReadonlySet<string>,
    /** For statements that change nothing. */
    private readonly read: Send,
    private readonly send: Send,
  ) {}

  abstract insertNative(insert: NativeInsert): Promise<void>
  abstract close(): Promise<void>

  in(database: string): Ledger {
    return Object.assign(Object.create(Object.getPrototypeOf(this)), this, { database })
  }

  table(name: string): string {
    return `${identifier(this.database)}.${identifier(name)}`
  }

  settings(wanted: Readonly<Record<string, SettingValue>>): string {
    return settingsClause(wanted, this.knownSettings)
  }

  async rows<Row>(sql: string, params?: Params): Promise<Row[]> {
    const all: Row[] = []
    for await (const portion of this.stream<Row>(sql, params)) all.push(...portion)
    return all
  }

  async *stream<Row>(sql: string, params?: Params): AsyncIterable<Row[]> {
    // SETTINGS behind FORMAT add to those of the SELECT itself, which may have its own clause.
    const output = this.settings(OUTPUT_SETTINGS)
    try {
      yield* jsonRows<Row>(await this.read(`${sql}\nFORMAT JSONEachRow ${output}`, params))
    } catch (error) {
      throw adaptError(error, this.location)
    }
  }

  async *raw(sql: string): AsyncIterable<Uint8Array> {
    try {
      yield* await this.send(sql)
    } catch (error) {
      throw adaptError(error, this.location)
    }
  }

  async command(sql: string, params?: Params, queryId?: string): Promise<void> {
    try {
      this.refuseException(await textOf(await this.send(sql, params, queryId)))
    } catch (error) {
      throw adaptError(error, this.location)
    }
  }

  /** A statement without result answers nothing; what stands there anyway is an exception behind a good status. */
  protected refuseException(text: string): void {
    if (text.includes('DB::Exception')) throw notAnAnswer(text)
  }
}
