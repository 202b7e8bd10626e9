import { open } from 'node:fs/promises'
import { Temporal } from 'temporal-polyfill'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { FINDING_KINDS, type Finding, type Waiver } from '../domain/audit.js'
import { LedgerError } from '../domain/errors.js'
import { DAY_MS } from '../domain/record.js'

const DEFAULT_WAIVERS_FILE = 'audit-waivers.yaml'
const LARGEST_BYTES = 1 << 20

/** Times as people write them in YAML: with an offset. */
const moment = z.string().transform((text, context) => {
  try {
    return Temporal.Instant.from(text).epochMilliseconds
  } catch {
    context.addIssue({ code: 'custom', message: 'is no time with an offset, such as 2026-03-01T00:00:00Z' })
    return z.NEVER
  }
})

/** The end of a day in UTC, or a moment. */
const until = z.union([
  z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/)
    .pipe(z.iso.date())
    .transform((day) => Date.parse(day) + DAY_MS),
  moment,
])

const WAIVER = z
  .strictObject({
    finding: z.enum(FINDING_KINDS),
    place: z.string().min(1).optional(),
    from: moment.optional(),
    to: moment.optional(),
    reason: z.string().min(1),
    who: z.string().min(1),
    until,
  })
  .refine(({ from, to }) => (from === undefined) === (to === undefined), 'has only one of from and to')
  .refine(({ place, from }) => place !== undefined || from !== undefined, 'needs a place, or from and to')

/**
 * Reads the waivers; none where no file is named and there is none of the default name. Throws `config` that names the
 * entry and what is wrong with it.
 */
export async function readWaivers(asked: string | undefined): Promise<Waiver[]> {
  const path = asked ?? DEFAULT_WAIVERS_FILE
  const text = await read(path, asked !== undefined)
  if (text === null) return []
  const document = parseDocument(text, { schema: 'core', prettyErrors: false })
  if (document.errors.length > 0) throw wrong(path, `is not valid YAML (${document.errors[0].code})`)
  const parsed = z.array(WAIVER).safeParse(document.toJS({ maxAliasCount: 0 }) ?? [])
  if (parsed.success)
    return parsed.data.map(({ finding, place, from, to, reason, who, until: untilMs }) => ({
      finding,
      place: place ?? null,
      window: from === undefined || to === undefined ? null : { fromMs: from, toMs: to },
      ...{ reason, who, untilMs },
    }))
  const [{ path: at, message }] = parsed.error.issues
  const [entry, ...keys] = at.map(String)
  const where =
    entry === undefined ? '' : `entry ${Number(entry) + 1}${keys.length === 0 ? '' : `, ${keys.join('.')}`}: `
  throw wrong(path, `${where}${message}`)
}

async function read(path: string, mustExist: boolean): Promise<string | null> {
  try {
    const file = await open(path)
    try {
      if ((await file.stat()).size > LARGEST_BYTES) throw wrong(path, 'is larger than 1 MiB')
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof LedgerError) throw error
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !mustExist) return null
    throw wrong(path, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`)
  }
}

function wrong(path: string, message: string): LedgerError {
  return new LedgerError('config', `the file of waivers ${message}`, {
    place: path,
    hint: 'each entry has finding, place or from and to, reason, who and until; the README shows one',
  })
}

/**
 * The waiver that covers a finding: of its kind, at its place where one is named, and around its time window where it has
 * one, so that a waiver for one silence covers no other.
 */
export function waiverOf({ kind, place, window }: Finding, waivers: readonly Waiver[], nowMs: number): Waiver | null {
  const covers = (waiver: Waiver) =>
    waiver.finding === kind &&
    nowMs < waiver.untilMs &&
    (waiver.place ?? place) === place &&
    (window === null
      ? waiver.place !== null
      : waiver.window !== null && waiver.window.fromMs <= window.fromMs && window.toMs <= waiver.window.toMs)
  return waivers.find(covers) ?? null
}
