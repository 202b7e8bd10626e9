import { z } from 'zod'
import type { BillHeader, BillPeriod, ItemDifference, LineItem, Measures, Statement } from '../domain/bill.js'
import { LedgerError } from '../domain/errors.js'
import { Money } from '../domain/money.js'
import { jsonHead, jsonItems } from './json-items.js'

const AMOUNT = z.string().transform((text) => Money.parse(text))
const COUNT = z.union([z.number().int().nonnegative(), z.string().regex(/^\d+$/)]).transform((value) => BigInt(value))

const ITEM = z.object({
  keyId: z.string(),
  model: z.string(),
  requestType: z.string().nullable(),
  day: z.string(),
  requests: COUNT,
  successes: COUNT,
  errors: COUNT,
  inputTokens: COUNT,
  outputTokens: COUNT,
  cacheHits: COUNT,
  costUsd: AMOUNT,
  costless: COUNT,
})

const STATEMENT = z.object({ tenant: z.object({ id: z.string() }), items: z.array(ITEM) })
const HEAD = z.object({
  command: z.literal('bill'),
  period: z.object({ fromMs: z.number(), toMs: z.number(), timeZone: z.string() }),
})

type EarlierStatement = z.infer<typeof STATEMENT>

/**
 * Walks through an earlier bill's JSON beside the statements of this one, both in the order of tenant ids: one
 * statement of each in memory.
 */
export class Comparison {
  private earlier: AsyncIterator<unknown>
  private next: EarlierStatement | undefined

  constructor(
    private readonly file: string,
    /** Empty for all: the others of the earlier bill are passed over. */
    private readonly tenants: readonly string[],
  ) {
    this.earlier = jsonItems(file, 'statements')[Symbol.asyncIterator]()
  }

  /** @throws LedgerError `usage` where the file is no bill, or one of another period or zone */
  async start({ period }: BillHeader): Promise<void> {
    const head = HEAD.safeParse(await jsonHead(this.file, 'statements'))
    if (!head.success) throw this.notABill()
    if (!samePeriod(head.data.period, period)) {
      throw new LedgerError('usage', 'the earlier bill is one of another period or time zone', {
        place: this.file,
        hint: 'ask for the same --period and --time-zone as that bill',
      })
    }
    await this.advance()
  }

  /** Differences of this tenant and of those before it that only the earlier bill has. */
  async *statement({ tenant, items }: Statement): AsyncIterable<ItemDifference> {
    while (this.next !== undefined && this.next.tenant.id < tenant.id) yield* this.leftBehind()
    if (this.next?.tenant.id !== tenant.id) yield* differences(tenant.id, [], items)
    else {
      yield* differences(tenant.id, this.next.items.map(earlierItem), items)
      await this.advance()
    }
  }

  /** Differences of the tenants behind the last statement, which only the earlier bill has. */
  async *end(): AsyncIterable<ItemDifference> {
    while (this.next !== undefined) yield* this.leftBehind()
  }

  private async *leftBehind(): AsyncIterable<ItemDifference> {
    if (this.next !== undefined) yield* differences(this.next.tenant.id, this.next.items.map(earlierItem), [])
    await this.advance()
  }

  private async advance(): Promise<void> {
    do {
      const { done, value } = await this.earlier.next()
      const read = STATEMENT.safeParse(value)
      if (!done && !read.success) throw this.notABill()
      this.next = done ? undefined : read.data
    } while (this.next !== undefined && this.tenants.length > 0 && !this.tenants.includes(this.next.tenant.id))
  }

  private notABill(): LedgerError {
    return new LedgerError('usage', 'this is no bill', {
      place: this.file,
      hint: '--compare takes what an earlier `obleth-ledger bill --json` printed',
    })
  }
}

type Item = Omit<LineItem, 'class' | 'approximate'>

const earlierItem = ({ costUsd, ...item }: EarlierStatement['items'][number]): Item => ({ ...item, cost: costUsd })

const samePeriod = (a: Pick<BillPeriod, 'fromMs' | 'toMs' | 'timeZone'>, b: BillPeriod): boolean =>
  a.fromMs === b.fromMs && a.toMs === b.toMs && a.timeZone === b.timeZone

function* differences(tenantId: string, earlier: readonly Item[], now: readonly Item[]): Iterable<ItemDifference> {
  const before = new Map(earlier.map((item) => [itemKey(item), item]))
  for (const item of now) {
    const was = before.get(itemKey(item)) ?? null
    before.delete(itemKey(item))
    if (was === null || !sameMeasures(was, item)) yield difference(tenantId, item, was, item)
  }
  for (const item of before.values()) yield difference(tenantId, item, item, null)
}

const itemKey = ({ keyId, model, requestType, day }: Item): string => JSON.stringify([day, keyId, model, requestType])

const difference = (
  tenantId: string,
  { keyId, model, requestType, day }: Item,
  earlier: Measures | null,
  now: Measures | null,
): ItemDifference => ({ tenantId, keyId, model, requestType, day, earlier, now })

function sameMeasures(a: Measures, b: Measures): boolean {
  const counts = ['requests', 'successes', 'errors', 'inputTokens', 'outputTokens', 'cacheHits', 'costless'] as const
  return counts.every((name) => a[name] === b[name]) && a.cost.minus(b.cost).isZero()
}
