/** @import { TreeOptions } from '../../src/bench/generator/index.js' */
/** @import { GrowthCase, GrowthPart } from './growth-cases.js' */
/** @import { Result } from './results.js' */
/** @import { Tree } from './tree-cache.js' */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { summarise } from './results.js'
import { runRounds } from './rounds.js'
import { cachedTree } from './tree-cache.js'

/**
 * Medians of one contender on one tree, and what the tree holds.
 * @typedef {Result & { part: GrowthPart, memory: string, records: number, unique: number, files: number, bytes: number }} GrowthResult
 */

/** Trees beyond this are removed as soon as nothing needs them. */
const BIG_BYTES = 1e9

/**
 * Measures case by case, so that no more than one case's trees have to be on disk beside small ones.
 * @param {readonly GrowthCase[]} cases
 * @param {{ rounds: number, work: string, keep: boolean, tell: (line: string) => void }} how keep: leave big trees, too
 * @returns {GrowthResult[]}
 */
export function runGrowth(cases, { rounds, work, keep, tell }) {
  return cases.flatMap(({ part, shape, memory, contenders }, index) => {
    const tree = cachedTree(work, shape)
    tell(`${part}: ${tree.records} records in ${tree.fileCount} files`)
    const placed = contenders.map(({ shape: own, ...contender }) =>
      own === undefined ? contender : { ...contender, tree: cachedTree(work, own) },
    )
    const results = summarise(placed, runRounds(placed, tree, { rounds, work: join(work, 'runs'), tell }), tree)
    if (!keep) {
      const later = new Set(cases.slice(index + 1).flatMap(shapesOf))
      for (const each of new Set(shapesOf(cases[index])))
        if (!later.has(each)) removeBig(cachedTree(work, JSON.parse(each)))
    }
    return results.map((result, i) => {
      const { records, unique, fileCount: files, bytes } = placed[i].tree ?? tree
      return { ...result, part, memory, records, unique, files, bytes }
    })
  })
}

/** @param {GrowthCase} each @returns {string[]} the shapes of its trees, as JSON */
function shapesOf({ shape, contenders }) {
  return [shape, ...contenders.map((contender) => contender.shape ?? shape)].map((each) => JSON.stringify(each))
}

/** @param {Tree} tree */
function removeBig({ root, bytes }) {
  if (bytes > BIG_BYTES) rmSync(root, { recursive: true })
}
