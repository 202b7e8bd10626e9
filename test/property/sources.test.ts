import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LedgerError } from '../../src/domain/errors.js'
import type { Discovery } from '../../src/sources/index.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { record, segment } from '../support/records.js'
import { find, type Got, read, segmentName, tarOf } from '../support/wal-tree.js'
import { noZstd } from '../support/zstd.js'

const PODS = ['router-0', 'router-1', 'router-2']
const CONTENTS = PODS.map((_, pod) => segment([[0, 1, 2].map((n) => record(3 * pod + n))]))
const RECORDS = 3 * PODS.length

/** One thing that goes wrong with bytes; places as parts of their number. */
type Mutation =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut' | 'zeros' | 'repeat' | 'remove'; readonly at: number; readonly bytes: number }
  | { readonly kind: 'noise'; readonly at: number; readonly noise: Uint8Array }

// Not `fc.double`, whose values crowd about zero.
const at = fc.nat({ max: 999_999 }).map((n) => n / 1_000_000)
const flip = fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat({ max: 7 }) })
const anything = fc.oneof(
  flip,
  fc.record({
    kind: fc.constantFrom('cut' as const, 'zeros' as const, 'repeat' as const, 'remove' as const),
    at,
    bytes: fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 6 }).map((blocks) => blocks * 512),
    ),
  }),
  fc.record({ kind: fc.constant('noise' as const), at, noise: fc.uint8Array({ minLength: 1, maxLength: 600 }) }),
)

function mutated(bytes: Buffer, mutation: Mutation): Buffer {
  const place = Math.floor(mutation.at * bytes.length)
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
  switch (mutation.kind) {
    case 'flip': {
      const copy = Buffer.from(bytes)
      copy[place] ^= 1 << mutation.bit
      return copy
    }
    case 'cut':
      return before
    case 'remove':
      return Buffer.concat([before, after.subarray(mutation.bytes)])
    case 'zeros':
      return Buffer.concat([
        before,
        Buffer.alloc(Math.min(mutation.bytes, after.length)),
        after.subarray(mutation.bytes),
      ])
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, mutation.bytes), after])
    case 'noise':
      return Buffer.concat([before, mutation.noise, after])
  }
}

const zstd = (bytes: Buffer) => execFileSync('zstd', ['-qc'], { input: bytes })
/** Sound stored files by their names. */
const sound = new Map<string, Buffer>()
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sources-fuzz-'))
  const member = (pod: number) => ({
    name: `${PODS[pod]}/telemetry.wal.segments/${segmentName(1_773_180_000_000 + pod)}`,
    content: CONTENTS[pod],
  })
  const tar = await tarOf([
    ...member(0)
      .name.split('/')
      .slice(0, 1)
      .map((name) => ({ name: `${name}/`, type: 'directory' as const })),
    member(0),
    member(1),
    member(2),
  ])
  const inner = await tarOf([member(1), { ...member(2), name: `${member(2).name}.gz`, content: gzipSync(CONTENTS[2]) }])
  sound.set('pods.tar', tar)
  sound.set('pods.tar.gz', gzipSync(tar))
  sound.set('nested.tgz', gzipSync(await tarOf([{ name: 'in.tar.gz', content: gzipSync(inner) }, member(0)])))
  sound.set('all.wal.gz', gzipSync(CONTENTS.join('')))
  if (noZstd === null) sound.set('pods.tar.zst', zstd(tar)).set('all.wal.zst', zstd(Buffer.from(CONTENTS.join(''))))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a stored file gives; null where nothing that could be a WAL is found. */
async function given(name: string, bytes: Buffer): Promise<{ found: Discovery; got: Got[] } | null> {
  const file = join(folder, name)
  writeFileSync(file, bytes)
  try {
    const found = await find(file)
    return { found, got: await read(found.files) }
  } catch (error) {
    expect(error).toBeInstanceOf(LedgerError)
    expect((error as LedgerError).code).toBe('source_not_found')
    return null
  }
}

const namedOf = ({ found, got }: { found: Discovery; got: Got[] }) =>
  found.unreadable.length > 0 || got.some(({ problem }) => problem !== null)
const textOf = (got: readonly Got[]) =>
  got
    .map(({ bytes }) => bytes.toString('latin1'))
    .sort()
    .join('')

describe('damaged archives', () => {
  const whole = CONTENTS.join('')
  const names = fc.constantFrom('pods.tar', 'pods.tar.gz', 'nested.tgz', 'all.wal.gz', 'pods.tar.zst', 'all.wal.zst')
  const storedOf = (name: string) => sound.get(name) ?? null

  it('sound ones give all', async () => {
    for (const [name, bytes] of sound) {
      const result = await given(name, bytes)
      expect(result === null ? null : [namedOf(result), textOf(result.got)], name).toEqual([false, whole])
    }
  })

  it('compressed ones, however damaged: nothing is missing or changed unless it is named', async () => {
    await fc.assert(
      fc.asyncProperty(names, fc.array(anything, { minLength: 1, maxLength: 3 }), async (name, mutations) => {
        const bytes = storedOf(name)
        fc.pre(bytes !== null && name !== 'pods.tar')
        const result = await given(name, mutations.reduce(mutated, bytes as Buffer))
        if (result === null || namedOf(result)) return
        // Bytes that were repeated may be a whole stream of the compression: then all is there more than once.
        const text = textOf(result.got)
        const times = text.length / whole.length
        const expected = name.startsWith('all')
          ? whole.repeat(times)
          : CONTENTS.map((one) => one.repeat(times)).join('')
        expect(text === expected, name).toBe(true)
      }),
      { numRuns: 800, seed: 20_261_130 },
    )
  })

  it('plain ones with one changed bit: no file is missing or short unless it is named', async () => {
    await fc.assert(
      fc.asyncProperty(flip, async (mutation) => {
        const result = await given('pods.tar', mutated(storedOf('pods.tar') as Buffer, mutation))
        if (result === null || namedOf(result)) return
        expect(result.got.map(({ bytes }) => bytes.length)).toEqual(CONTENTS.map(({ length }) => length))
        expect(result.found.pods).toEqual(PODS)
      }),
      { numRuns: 1500, seed: 20_261_130 },
    )
  })

  it('plain ones, however damaged: what is given has the length that was promised, or is named', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { minLength: 1, maxLength: 3 }), async (mutations) => {
        const result = await given('pods.tar', mutations.reduce(mutated, storedOf('pods.tar') as Buffer))
        for (const { file, bytes, problem } of result?.got ?? [])
          if (problem === null) expect(bytes.length).toBe(file.bytes)
      }),
      { numRuns: 1000, seed: 20_261_130 },
    )
  })

  it('by the dozen, with a sound one among them: the balance holds, and every record is in the ledger once', () => {
    const dir = new LedgerDir()
    try {
      dir.write('sound.tar.gz', storedOf('pods.tar.gz') as Buffer)
      const damage = fc.sample(fc.tuple(names, fc.array(anything, { minLength: 1, maxLength: 3 })), {
        numRuns: 120,
        seed: 7,
      })
      for (const [n, [name, mutations]] of damage.entries()) {
        const bytes = storedOf(name)
        // Bits of plain text that were changed would make other records.
        if (bytes === null || name === 'pods.tar') continue
        dir.write(`damaged-${n}/${name}`, mutations.reduce(mutated, bytes))
      }
      for (const command of ['inspect', 'replay']) {
        const { code, document } = dir.run([command, dir.pods])
        expect(code, command).toBe(3)
        const { lines, records } = document
        expect(lines.read).toBe(lines.blank + lines.quarantined + lines.tornTails + lines.withRecords)
        const { inserted, duplicates, conflicts, alreadyInLedger, filteredOut } = records
        if (command === 'replay')
          expect(records.decoded).toBe(inserted + duplicates + conflicts + alreadyInLedger + filteredOut)
      }
      const own =
        "SELECT count() AS n, uniqExact(request_id) AS ids FROM obleth.usage WHERE startsWith(toString(request_id), '00000001-0000-4000-8000-')"
      expect(dir.sql(own)).toEqual([[{ n: expect.anything(), ids: expect.anything() }]])
      const [[{ n, ids }]] = dir.sql(own)
      expect(n).toBe(ids)
      expect(Number(ids)).toBeGreaterThanOrEqual(RECORDS)
    } finally {
      dir.remove()
    }
  })
})
