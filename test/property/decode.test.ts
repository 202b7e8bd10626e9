import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Kernel } from '../../src/kernel/index.js'
import {
  bitsOf,
  type Decoded,
  decode,
  decodeCarefully,
  decodeChunks,
  line,
  NOW_MS,
  numbered,
  sha256,
  type Texts,
  valuesOf,
} from './decode-lines.js'

const float = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  // Decimal texts of any length: nothing says that they are the shortest ones.
  fc.tuple(fc.bigInt(0n, 10n ** 19n), fc.integer({ min: 0, max: 24 })).map(([n, scale]) => {
    const digits = String(n).padStart(scale + 1, '0')
    return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
  }),
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.bigInt(0n, 10n ** 17n), fc.integer({ min: -330, max: 300 }))
    .map(([first, rest, exponent]) => `${first}.${rest}e${exponent}`),
  fc.constantFrom('0.0', '-0.0', '0', '1e-7', '5e-324', '1.7976931348623157e308', '9007199254740993', '1E+2', '0e5'),
)
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((s) => JSON.stringify(s)),
  fc
    .string({ unit: fc.constantFrom('a', '\\n', '\\u00e9', '\\ud83d\\ude00', '\\"', '\\/', '\u2028', 'é', '😀') })
    .map((s) => `"${s}"`),
  fc.constantFrom('""', '"fast"', '"off"'),
)
const uuid = fc.uuid().map((id) => `"${id}"`)
const u32 = fc.integer({ min: 0, max: 0xffff_ffff }).map(String)
const optional = (of: fc.Arbitrary<string>) => fc.option(of, { nil: undefined, freq: 6 })

/** Texts of a record that obleth could have written, its strings and weight from these. */
const recordOf = (
  text: fc.Arbitrary<string>,
  weight: fc.Arbitrary<string>,
  float: fc.Arbitrary<string>,
): fc.Arbitrary<Texts> =>
  fc.record({
    request_id: uuid,
    tenant_id: uuid,
    key_id: uuid,
    model: text,
    admission: text,
    weight,
    input_tokens: u32,
    output_tokens: u32,
    estimated_tokens: u32,
    queue_wait_ms: u32,
    ttft_ms: u32,
    total_ms: u32,
    status_code: fc.integer({ min: 0, max: 0xffff }).map(String),
    cache_status: optional(text),
    cost_usd: optional(float),
    energy_wh: optional(float),
    energy_cost_usd: optional(float),
    co2_g: optional(float),
    ts_ms: fc.integer({ min: Date.UTC(2015, 0, 1), max: NOW_MS }).map(String),
    session_id: optional(text),
    session_id_source: optional(text),
    request_type: optional(text),
    device_id: optional(text),
  })

/** As figures are in records: serde_json writes the shortest text that means the double. */
const figure = fc.oneof(
  fc.double({ min: 1e-12, max: 1e6, noNaN: true }).map(String),
  fc.constantFrom('0.0', '0', '1e-7', '-0.25', '0.000011786496', '0.0040439199999999995', '0.00005562864000000001'),
)

/** As nearly all are: these the kernel takes. */
const plain = recordOf(
  fc.oneof(
    fc.string({ unit: fc.constantFrom(...'abcXYZ019 -_./:{}[],~\u007féß→語😀'), maxLength: 24 }).map((s) => `"${s}"`),
    uuid,
  ),
  fc.integer({ min: 0, max: 999_999_999 }).map(String),
  figure,
)
const valid = fc.oneof(plain, recordOf(text, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String), float))

/** Texts that may stand in any field, right there or not. */
const odd = fc.constantFrom(
  ...[
    'null',
    'true',
    '-0',
    '-1',
    '1.0',
    '1e3',
    '65536',
    '4294967296',
    '1e400',
    'NaN',
    '01',
    '"x"',
    '""',
    '{}',
    '[1]',
    '',
  ],
  ...['9223372036854775808', '"\\ud800"', '1425000000000', '4102444800000', '"0B9D0C1E7F3A4D529C6158E0A7B4F2D3"', '.5'],
)
const nearValid: fc.Arbitrary<Texts> = fc
  .tuple(valid, fc.constantFrom(...Object.keys(JSON.parse(line()))), fc.oneof(odd, float, text, uuid, u32))
  .map(([texts, field, value]) => ({ ...texts, [field]: value }))

/** A line with a few bytes changed, removed or put in. */
const mutated: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.oneof(valid, nearValid),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom(0, 1, 2),
        fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('{}[]",:\\ 0e.-\r\0'))),
      ),
    ),
  )
  .map(([texts, edits]) => {
    const bytes = [...Buffer.from(line(texts))]
    for (const [at, kind, byte] of edits)
      bytes.splice(at % bytes.length, kind === 2 ? 0 : 1, ...(kind === 1 ? [] : [byte]))
    return Buffer.from(bytes)
  })

const anyLine = fc.oneof(
  { weight: 4, arbitrary: valid.map((texts) => Buffer.from(line(texts))) },
  { weight: 2, arbitrary: nearValid.map((texts) => Buffer.from(line(texts))) },
  { weight: 3, arbitrary: mutated },
  { weight: 1, arbitrary: fc.tuple(mutated, mutated).map((two) => Buffer.concat(two)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', ' ', '\r', '\0\0\0', '12 13', '[]', '{', '"').map((s) => Buffer.from(s)),
  },
)
/** A file: lines, the last one perhaps without LF, a byte-order mark now and then. */
const anyFile = fc
  .tuple(fc.boolean(), fc.array(anyLine, { maxLength: 6 }), fc.boolean())
  .map(([bom, lines, ended]) =>
    Buffer.concat([
      Buffer.from(bom ? [0xef, 0xbb, 0xbf] : []),
      ...lines.flatMap((bytes, i) => [bytes, Buffer.from(ended || i < lines.length - 1 ? '\n' : '')]),
    ]),
  )

/** Values of a record worked out from its texts by the platform's own JSON and numbers. */
function valuesOfTexts(texts: Texts): Record<string, unknown> {
  const parse = (name: string, otherwise: unknown) =>
    texts[name] === undefined ? otherwise : JSON.parse(texts[name] as string)
  return {
    ...Object.fromEntries(['request_id', 'tenant_id', 'key_id', 'model', 'admission'].map((n) => [n, parse(n, '')])),
    weight: BigInt(texts.weight as string),
    ...Object.fromEntries(
      ['input_tokens', 'output_tokens', 'estimated_tokens', 'queue_wait_ms', 'ttft_ms', 'total_ms', 'status_code'].map(
        (n) => [n, parse(n, 0)],
      ),
    ),
    cache_status: parse('cache_status', 'off'),
    ...Object.fromEntries(['cost_usd', 'energy_wh', 'energy_cost_usd', 'co2_g'].map((n) => [n, bitsOf(parse(n, 0))])),
    ts_ms: parse('ts_ms', 0),
    ...Object.fromEntries(
      ['session_id', 'session_id_source', 'request_type', 'device_id'].map((n) => [n, parse(n, '')]),
    ),
  }
}

const allFinite = (texts: Texts) =>
  ['cost_usd', 'energy_wh', 'energy_cost_usd', 'co2_g'].every((n) => Number.isFinite(Number(texts[n] ?? 0)))

function expectBalance({ counts, rows, entries }: Decoded, bytes: Uint8Array): void {
  const { lines } = counts
  expect(lines.read).toBe(lines.blank + lines.quarantined + lines.tornTails + lines.withRecords)
  const lf = bytes.reduce((n, byte) => n + Number(byte === 0x0a), 0)
  expect(lines.read).toBe(lf + Number(bytes.length > 0 && bytes[bytes.length - 1] !== 0x0a))
  expect(counts).toMatchObject({ decoded: rows.length, bytes: bytes.length })
  // Stretches are exact and neither overlap one another nor a record.
  const taken = new Uint8Array(bytes.length)
  let overlaps = 0
  const take = (offset: number, length: number) => {
    for (let i = offset; i < offset + length; i++) if (++taken[i] > 1) overlaps++
  }
  for (const entry of entries) {
    const stretch = bytes.subarray(entry.byteOffset, entry.byteOffset + entry.length)
    expect(entry.sha256).toBe(sha256(stretch))
    expect(Buffer.from(entry.bytes, 'base64').equals(stretch)).toBe(true)
    take(entry.byteOffset, entry.length)
  }
  for (const row of rows) {
    expect(Buffer.from(bytes.subarray(row.byteOffset, row.byteOffset + row.bytes.length)).toString('latin1')).toBe(
      row.bytes,
    )
    take(row.byteOffset, row.bytes.length)
  }
  expect(overlaps).toBe(0)
  // Whatever belongs to neither is white space or a byte-order mark.
  const rest = Buffer.from(bytes.filter((_, i) => taken[i] === 0)).toString('latin1')
  expect(rest).toMatch(/^(\u00ef\u00bb\u00bf)?[ \t\r\n\f]*$/)
}

/** Cuts bytes at these places, taken modulo their length. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((p) => p % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

describe('decoders', () => {
  it('both read what the texts say, bit for bit', async () => {
    await fc.assert(
      fc.asyncProperty(valid, async (texts) => {
        const bytes = Buffer.from(`${line(texts)}\n`)
        const [fast, careful] = [await decode(bytes), await decodeCarefully(bytes)]
        const finite = allFinite(texts)
        if (finite) {
          expect(fast.rows.map(({ values }) => values)).toEqual([valuesOfTexts(texts)])
          expect(fast.entries).toEqual([])
        } else expect(fast.entries.map(({ reason }) => reason)).toEqual(['non_finite'])
        expect(careful).toEqual(fast)
      }),
      { numRuns: 400 },
    )
  })

  it('the fast one takes the lines that are as nearly all are', () => {
    const kernel = new Kernel({ rows: 16, heapBytes: 1 << 16, blockBytes: 0 })
    const { arena, input } = kernel
    fc.assert(
      fc.property(plain, fc.nat({ max: 100 }), (texts, at) => {
        const bytes = Buffer.from(`${line(texts)}\n`)
        arena.reset()
        input.set(bytes, at)
        const end = at + bytes.length
        expect(kernel.scan(at, end, NOW_MS, bytes.length)).toMatchObject({ at: end, minTsMs: Number(texts.ts_ms) })
        expect(valuesOf(arena, 0)).toEqual(valuesOfTexts(texts))
      }),
      { numRuns: 5000 },
    )
  })

  it('agree on lines that are nearly right, and on mutated ones', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          nearValid.map((t) => Buffer.from(line(t))),
          mutated,
        ),
        async (bytes) => {
          const ended = Buffer.concat([bytes, Buffer.from('\n')])
          const fast = await decode(ended)
          expect(await decodeCarefully(ended)).toEqual(fast)
          expectBalance(fast, ended)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('take no line for a record that the platform takes for no JSON', async () => {
    await fc.assert(
      fc.asyncProperty(mutated, async (bytes) => {
        fc.pre(!bytes.includes(0x0a) && !bytes.includes(0))
        const { rows, counts } = await decode(Buffer.concat([bytes, Buffer.from('\n')]))
        if (counts.salvaged > 0 || rows.length === 0) return
        const parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
        expect(rows[0].values.model).toBe(parsed.model)
        expect(rows[0].values.input_tokens).toBe(parsed.input_tokens)
        expect(rows[0].values.cost_usd).toBe(bitsOf(parsed.cost_usd ?? 0))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the byte stream', () => {
  it('gives the same however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyFile,
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.nat({ max: 900 }),
        async (bytes, places, at) => {
          const setup = {
            file: { checkpoint: { state: 'at', offset: Math.min(at, bytes.length) } as const, candidateBatch: 3 },
            capacity: 2,
            maxLineBytes: 700,
          }
          const whole = await decode(bytes, setup)
          expect(await decodeChunks(cut(bytes, places), setup)).toEqual(whole)
          expect(await decodeCarefully(bytes, setup)).toEqual(whole)
          expectBalance(whole, bytes)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('gives the same at every single place where it may be cut', async () => {
    const bytes = Buffer.from(
      `\ufeff${numbered(1)}\r\n\n{"torn":1,${numbered(2)}\n\0\0${numbered(3)}\0\n${'x'.repeat(900)}\n${numbered(4)}\n\0\0\0\n${numbered(5).slice(0, 90)}`,
    )
    const whole = await decode(bytes, { maxLineBytes: 800 })
    expect(whole.counts.lines).toEqual({ read: 8, blank: 1, quarantined: 2, tornTails: 1, withRecords: 4 })
    for (let at = 0; at <= bytes.length; at++)
      expect(await decodeChunks([bytes.subarray(0, at), bytes.subarray(at)], { maxLineBytes: 800 })).toEqual(whole)
  })

  it('balances whatever bytes come, and never throws', async () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.constantFrom(...Buffer.from('{}[]":,\\\n\r\0 \tue1.-\f')), { maxLength: 400 }),
      fc
        .array(
          fc.constantFrom('\n', '\0', '{', '}', '"', '\ufeff', '\f', '{"request_id":"', numbered(1), numbered(2)),
          { maxLength: 12 },
        )
        .map((parts) => Buffer.from(parts.join(''))),
    )
    await fc.assert(
      fc.asyncProperty(garbage, async (some) => {
        const bytes = Buffer.from(some)
        expectBalance(await decode(bytes, { maxLineBytes: 600 }), bytes)
      }),
      { numRuns: 1000 },
    )
  })
})
