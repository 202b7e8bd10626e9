/** @import { TreeOptions } from '../../src/bench/generator/index.js' */
/** @import { Contender } from './contenders.js' */
import { CONTENDERS, replay } from './contenders.js'

/**
 * Contenders on one tree, but those with a tree of their own.
 * @typedef {object} GrowthCase
 * @property {GrowthPart} part
 * @property {Partial<TreeOptions>} shape of the tree
 * @property {string} memory what the command may use
 * @property {(Contender & { shape?: Partial<TreeOptions> })[]} contenders `shape`: that of a tree of its own
 */

/** @typedef {'sizes' | 'files' | 'scarce' | 'respelled'} GrowthPart */
export const PARTS = /** @type {const} */ (['sizes', 'files', 'scarce', 'respelled'])

/**
 * @typedef {object} GrowthOptions
 * @property {number[]} sizes records of each tree
 * @property {string} memory
 * @property {string} scarceMemory
 * @property {number} scarceRecords
 * @property {number} pods
 * @property {number} segments of each pod
 * @property {number} perSegment records of each segment
 * @property {number} respelled share of lines
 * @property {number} respelledRecords
 * @property {number} seed
 * @property {readonly GrowthPart[]} parts
 */

/** Mean length of a generated line with its share of blank ones. */
const LINE_BYTES = 586

/**
 * What is to be measured, small trees first.
 * @param {GrowthOptions} options
 * @returns {GrowthCase[]}
 */
export function growthCases(options) {
  const { sizes, memory, scarceMemory, scarceRecords, pods, segments, perSegment, respelled, seed, parts } = options
  const whole = (/** @type {number} */ records) => ({
    seed,
    records,
    duplicates: 0.1,
    pods: 4,
    days: 1,
    respelled: 0,
  })
  const sql = CONTENDERS.filter(({ name }) => name === 'sql')
  /** @type {GrowthCase[]} */
  const cases = [
    ...sizes.map((records) => ({
      part: /** @type {const} */ ('sizes'),
      shape: whole(records),
      memory,
      contenders: [replay(['--memory', memory])],
    })),
    {
      part: 'files',
      shape: {
        ...whole(pods * segments * perSegment),
        pods,
        legacyPods: 0,
        // A segment ends behind the line that passes its size, some before a batch that would.
        segmentBytes: perSegment * LINE_BYTES,
      },
      memory,
      contenders: [replay(['--memory', memory])],
    },
    {
      part: 'scarce',
      shape: whole(scarceRecords),
      memory: scarceMemory,
      contenders: [replay(['--memory', scarceMemory]), ...sql],
    },
    {
      part: 'respelled',
      shape: whole(options.respelledRecords),
      memory,
      contenders: [
        replay(['--memory', memory]),
        {
          ...replay(['--memory', memory]),
          name: 'replay-respelled',
          title: `the same, ${Number((100 * respelled).toFixed(2))} % of lines respelled`,
          shape: { ...whole(options.respelledRecords), respelled },
        },
      ],
    },
  ]
  const size = (/** @type {GrowthCase} */ { shape }) => shape.records ?? 0
  return cases.filter(({ part }) => parts.includes(part)).sort((a, b) => size(a) - size(b))
}
