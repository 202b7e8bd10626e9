import { describe, expect, it } from 'vitest'
import { bitsOf, decodeCarefully, line, numbered, numberOf, type Texts } from '../../test/property/decode-lines.js'

const read = (text: string | Uint8Array) => decodeCarefully(Buffer.concat([Buffer.from(text), Buffer.from('\n')]))

async function reasonOf(text: string | Uint8Array): Promise<string> {
  const { rows, entries } = await read(text)
  expect(rows).toEqual([])
  expect(entries).toHaveLength(1)
  return entries[0].reason
}

async function fieldOf(name: string, text: string): Promise<unknown> {
  const { rows, entries } = await read(line({ [name]: text }))
  expect(entries).toEqual([])
  return rows[0].values[name]
}

describe('careful reader', () => {
  it.each<[string, Texts]>([
    ['null_value', { model: 'null' }],
    ['null_value', { input_tokens: 'null' }],
    ['null_value', { request_id: 'null' }],
    ['missing_field', { weight: undefined }],
    ['missing_field', { ts_ms: undefined }],
    ['bad_uuid', { request_id: '"0b9d0c1e-7f3a-4d52-9c61-58e0a7b4f2dg"' }],
    ['bad_uuid', { tenant_id: '""' }],
    ['bad_uuid', { key_id: '"{0b9d0c1e7f3a4d529c6158e0a7b4f2d3}"' }],
    ['bad_uuid', { key_id: '"URN:UUID:0b9d0c1e-7f3a-4d52-9c61-58e0a7b4f2d3"' }],
    ['type_mismatch', { request_id: '7' }],
    ['type_mismatch', { model: '7' }],
    ['type_mismatch', { input_tokens: '"7"' }],
    ['type_mismatch', { input_tokens: '1.0' }],
    ['type_mismatch', { input_tokens: '1e3' }],
    ['type_mismatch', { input_tokens: '-0' }],
    ['type_mismatch', { weight: '-0' }],
    ['type_mismatch', { cost_usd: '"0.1"' }],
    ['type_mismatch', { cost_usd: '[0.1]' }],
    ['out_of_range', { input_tokens: '-1' }],
    ['out_of_range', { input_tokens: '4294967296' }],
    ['out_of_range', { status_code: '65536' }],
    ['out_of_range', { weight: '9223372036854775808' }],
    ['out_of_range', { weight: '-9223372036854775809' }],
    ['out_of_range', { weight: `1${'0'.repeat(400)}` }],
    ['non_finite', { cost_usd: '1e400' }],
    ['non_finite', { co2_g: '-1e309' }],
    ['json_syntax', { cost_usd: 'NaN' }],
    ['json_syntax', { cost_usd: '-Infinity' }],
    ['json_syntax', { input_tokens: '01' }],
    ['json_syntax', { input_tokens: '+1' }],
    ['json_syntax', { cost_usd: '.5' }],
    ['json_syntax', { cost_usd: '1.' }],
    ['json_syntax', { model: '"tab\there"' }],
    ['json_syntax', { model: '"\\x"' }],
    ['json_syntax', { model: '"\\u12g4"' }],
    ['lone_surrogate', { model: '"\\ud83d"' }],
    ['lone_surrogate', { model: '"\\ude00"' }],
    ['lone_surrogate', { model: '"\\ud83dx"' }],
    ['lone_surrogate', { model: '"\\ud83d\\u0041"' }],
    ['ts_out_of_range', { ts_ms: '1420070399999' }],
    ['ts_out_of_range', { ts_ms: '4102444800000' }],
    ['ts_out_of_range', { ts_ms: '1773100800' }],
    ['ts_out_of_range', { ts_ms: '-9223372036854775808' }],
    ['ts_in_future', { ts_ms: String(Date.UTC(2026, 2, 11, 12) + 1) }],
  ])('%s: %j', async (reason, changes) => {
    expect(await reasonOf(line(changes))).toBe(reason)
  })

  it.each([
    ['not_object', '[1, 2]'],
    ['not_object', '"text"'],
    ['not_object', `[${line()}]`],
    ['missing_field', '{}'],
    ['multiple_values', '{} {}'],
    ['not_object', '12 13'],
    ['json_syntax', `${line().slice(0, -1)},}`],
    ['json_syntax', '}'],
    ['duplicate_key', line().replace('"weight":100', '"weight":100,"weight":100')],
    ['duplicate_key', line().replace('"weight":100', '"weight":100,"\\u0077eight":1')],
  ])('%s: %s', async (reason, text) => {
    expect(await reasonOf(text)).toBe(reason)
  })

  it('takes no text for UTF-8 that is none, wherever it stands', async () => {
    for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf5, 0x80, 0x80, 0x80]])
      for (const place of ['aurora', 'XX']) {
        const [before, after] = `${line({ model: '"aurora"' }).slice(0, -1)},"new":"XX"}`.split(place)
        expect(await reasonOf(Buffer.concat([Buffer.from(before), Buffer.from(bad), Buffer.from(after)]))).toBe(
          'invalid_utf8',
        )
      }
  })

  it('reads integers up to the limits of their types', async () => {
    for (const weight of [
      '9223372036854775807',
      '-9223372036854775808',
      '9007199254740993',
      '999999999999999',
      '4294967296',
    ])
      expect(await fieldOf('weight', weight)).toBe(BigInt(weight))
    expect(await fieldOf('weight', '-1')).toBe(-1n)
    expect(await fieldOf('input_tokens', '4294967295')).toBe(4294967295)
    expect(await fieldOf('status_code', '65535')).toBe(65535)
    expect(await fieldOf('ts_ms', '1420070400000')).toBe(1420070400000)
  })

  it('reads floats as the nearest double, signed zero and subnormals included', async () => {
    expect(await fieldOf('cost_usd', '-0.0')).toBe(0x8000000000000000n)
    expect(await fieldOf('cost_usd', '5e-324')).toBe(1n)
    expect(await fieldOf('cost_usd', '1e-400')).toBe(0n)
    expect(await fieldOf('cost_usd', '3')).toBe(bitsOf(3))
    expect(await fieldOf('cost_usd', '0.30000000000000004')).toBe(0x3fd3333333333334n)
  })

  it('reads every spelling of an id that the uuid crate reads', async () => {
    const id = '0b9d0c1e-7f3a-4d52-9c61-58e0a7b4f2d3'
    for (const spelling of [
      id,
      id.toUpperCase(),
      id.replaceAll('-', ''),
      `urn:uuid:${id}`,
      `{${id}}`,
      id.replace('0b9d', '\\u0030B9d'),
    ])
      expect(await fieldOf('request_id', `"${spelling}"`)).toBe(id)
  })

  it('resolves escapes in values and names', async () => {
    expect(await fieldOf('model', '"\\ud83d\\ude00\\u00e9\\u0000\\n\\/\\"\\\\\\b\\f\\r\\t"')).toBe(
      '😀é\0\n/"\\\b\f\r\t',
    )
    expect(await fieldOf('session_id', `"${'long\\u0020'.repeat(20_000)}"`)).toBe('long '.repeat(20_000))
    const { rows } = await read(line().replace('"model"', '"\\u006dodel"'))
    expect(rows[0].values.model).toBe('aurora-70b')
  })

  it('does not mind order and white space', async () => {
    const pairs =
      line()
        .slice(1, -1)
        .match(/"[a-z0-9_]+":("[^"]*"|[^,]+)/g) ?? []
    const { rows } = await read(
      ` \t{ ${pairs
        .reverse()
        .map((pair) => pair.replace(':', ' :\t'))
        .join(' , ')}\r}\r`,
    )
    expect(rows[0].values).toEqual((await read(line())).rows[0].values)
  })

  it('reads null floats as 0 and counts their records once', async () => {
    const { rows, counts } = await read(line({ cost_usd: 'null', co2_g: 'null' }))
    expect([rows[0].values.cost_usd, rows[0].values.co2_g]).toEqual([0n, 0n])
    expect(counts.repaired).toBe(1)
    expect(counts.warnings).toMatchObject([{ class: 'repaired_null', count: 1 }])
  })

  it('counts unknown fields once for each record, whatever they hold', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const more = `"region":"eu","x\\n\\u202ey":{"region":"\\ud800"},"region":1e999,"deep":${deep}`
    const bytes = Buffer.from(`${[1, 2].map((n) => numbered(n).replace('{', `{${more},`)).join('\n')}\n`)
    const { rows, unknown } = await decodeCarefully(bytes)
    expect(rows.map(numberOf)).toEqual([1, 2])
    expect(unknown).toEqual([
      { name: 'region', count: 2 },
      { name: 'x\\n\\u{202e}y', count: 2 },
      { name: 'deep', count: 2 },
    ])
  })

  it('fills absent fields with their defaults and counts them', async () => {
    const { rows, missing } = await read(line({ cache_status: undefined, cost_usd: undefined, device_id: undefined }))
    expect(rows[0].values).toMatchObject({ cache_status: 'off', cost_usd: 0n, device_id: '' })
    expect(missing).toEqual(['cache_status', 'cost_usd', 'device_id'].map((name) => ({ name, count: 1 })))
  })
})
