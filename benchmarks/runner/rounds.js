/** @import { Contender } from './contenders.js' */
/** @import { Measure } from './measure.js' */
/** @import { Tree } from './tree-cache.js' */
import { join } from 'node:path'
import { emptied, warmUp } from './contenders.js'
import { measure } from './measure.js'

/**
 * Runs all contenders in turn, several times over, each round beginning with another one. A time counts only after the
 * outcome was looked at: rows as generated, and the same ledger from all that make one of the same tree.
 * @param {readonly Contender[]} contenders
 * @param {Tree} tree
 * @param {{ rounds: number, work: string, tell: (line: string) => void }} how work: directory that is emptied before each run
 * @returns {Map<string, Measure[]>} by name of the contender
 */
export function runRounds(contenders, tree, { rounds, work, tell }) {
  /** @type {Map<string, Measure[]>} */
  const measures = new Map(contenders.map(({ name }) => [name, []]))
  /** @type {Map<Tree, { name: string, fingerprint: string }>} */
  const firsts = new Map()
  for (const each of new Set([tree, ...contenders.map((contender) => contender.tree ?? tree)])) warmUp(each)
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const { name, command, outcome, tree: its = tree } = contenders[(round + i) % contenders.length]
      const directory = emptied(join(work, 'run'))
      const measured = measure(command(its, directory))
      const { rows, expectedRows, fingerprint } = outcome(its, directory)
      if (rows !== expectedRows) throw new Error(`${name}: ${rows} rows, there should be ${expectedRows}`)
      if (fingerprint !== undefined) {
        const first = firsts.get(its) ?? { name, fingerprint }
        firsts.set(its, first)
        if (fingerprint !== first.fingerprint)
          throw new Error(`${name} and ${first.name} left different ledgers:\n${fingerprint}\n${first.fingerprint}`)
      }
      measures.get(name)?.push(measured)
      tell(`round ${round + 1}, ${name}: ${measured.wall.toFixed(2)} s`)
    }
  }
  emptied(work)
  return measures
}
