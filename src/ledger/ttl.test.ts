import { expect, it } from 'vitest'
import { deletingRules } from './ttl.js'

it.each([
  ['MergeTree ORDER BY a SETTINGS index_granularity = 8192', []],
  ['MergeTree ORDER BY a TTL x + toIntervalDay(90) SETTINGS index_granularity = 8192', ['x + toIntervalDay(90)']],
  [
    'MergeTree ORDER BY a TTL toDateTime(ts_ms / 1000) + toIntervalDay(90)',
    ['toDateTime(ts_ms / 1000) + toIntervalDay(90)'],
  ],
  [
    "MergeTree ORDER BY a TTL f(a, b) DELETE WHERE t = 'x, (', g(c) WHERE u IN (1, 2) SETTINGS s = 1",
    ['f(a, b)', 'g(c)'],
  ],
  ["MergeTree ORDER BY a TTL d + toIntervalDay(7) TO DISK 'cold', d + toIntervalDay(90)", ['d + toIntervalDay(90)']],
  ["MergeTree ORDER BY a TTL d + toIntervalDay(7) TO VOLUME 'cold'", []],
  ['MergeTree ORDER BY a TTL d + toIntervalDay(7) RECOMPRESS CODEC(ZSTD(9))', []],
  ["MergeTree ORDER BY a TTL if(t = 'it\\'s, (', d, e)", ["if(t = 'it\\'s, (', d, e)"]],
])('%s', (engineFull, rules) => {
  expect(deletingRules(engineFull)).toEqual(rules)
})
