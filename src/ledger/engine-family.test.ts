import { expect, it } from 'vitest'
import { assertMutable, familyOf, mergesRequests, tableBehind } from './engine-family.js'

it.each([
  ['MergeTree', 'merge_tree'],
  ['ReplacingMergeTree', 'replacing'],
  ['ReplicatedMergeTree', 'replicated'],
  ['ReplicatedReplacingMergeTree', 'replicated'],
  ['SharedMergeTree', 'shared'],
  ['SharedReplacingMergeTree', 'shared'],
  ['Distributed', 'distributed'],
  // They sum, collapse or forget rows, keep them in memory, or hold none.
  ['SummingMergeTree', 'other'],
  ['ReplicatedSummingMergeTree', 'other'],
  ['SharedCollapsingMergeTree', 'other'],
  ['AggregatingMergeTree', 'other'],
  ['Buffer', 'other'],
  ['Log', 'other'],
  ['Memory', 'other'],
  ['Null', 'other'],
  ['View', 'other'],
  ['MaterializedView', 'other'],
  ['', 'other'],
] as const)('%s is %s', (engine, family) => {
  expect(familyOf(engine)).toBe(family)
})

it.each([
  ['MergeTree', 'tenant_id, ts_ms', false],
  ['ReplicatedMergeTree', 'tenant_id, ts_ms', false],
  ['ReplacingMergeTree', 'tenant_id, ts_ms', true],
  ['ReplicatedReplacingMergeTree', 'tenant_id, ts_ms', true],
  ['ReplacingMergeTree', 'tenant_id, ts_ms, request_id', false],
  ['SharedReplacingMergeTree', 'request_id', false],
  ['ReplacingMergeTree', 'tenant_id, parent_request_ids', true],
] as const)('a %s by (%s) merges requests: %s', (engine, key, merges) => {
  expect(mergesRequests(engine, key)).toBe(merges)
})

it.each([
  ["Distributed('main', 'obleth', 'usage_local', rand())", { database: 'obleth', name: 'usage_local' }],
  ["Distributed('main', '', 'usage_local')", { database: 'own', name: 'usage_local' }],
  ["Distributed('it\\'s', 'a_b', 'c', cityHash64(request_id), 'policy')", { database: 'a_b', name: 'c' }],
  ["Distributed('main', currentDatabase(), 'usage_local')", null],
  ['MergeTree ORDER BY tuple()', null],
])('%s stands before %j', (engineFull, behind) => {
  expect(tableBehind(engineFull, 'own')).toEqual(behind)
})

it.each([
  ['MergeTree', true],
  ['ReplacingMergeTree', true],
  ['ReplicatedMergeTree', false],
  ['SharedMergeTree', false],
  ['Distributed', false],
] as const)('rows of a %s can be deleted by a list of ids: %s', (engine, can) => {
  const check = () => assertMutable({ engine, family: familyOf(engine) })
  if (can) check()
  else
    expect(check).toThrow(expect.objectContaining({ code: 'refused', hint: expect.stringMatching(/usage_replay_ids/) }))
})
