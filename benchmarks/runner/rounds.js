/** @import { Contender } from './contenders.js' */
/** @import { Measure } from './measure.js' */
/** @import { Tree } from './tree-cache.js' */
import { join } from 'node:path'
import { emptied, warmUp } from './contenders.js'
import { measure } from './measure.js'

/**
 * Runs all contenders in turn, several times over, each round beginning with another one. A time counts only after the
 * outcome was looked at: rows as generated, and the same ledger from all that make one.
 * @param {readonly Contender[]} contenders
 * @param {Tree} tree
 * @param {{ rounds: number, work: string, tell: (line: string) => void }} how work: directory that is emptied before each run
 * @returns {Map<string, Measure[]>} by name of the contender
 */
export function runRounds(contenders, tree, { rounds, work, tell }) {
  /** @type {Map<string, Measure[]>} */
  const measures = new Map(contenders.map(({ name }) => [name, []]))
  /** @type {{ name: string, fingerprint: string } | undefined} */
  let first
  warmUp(tree)
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const { name, command, outcome } = contenders[(round + i) % contenders.length]
      const directory = emptied(join(work, 'run'))
      const measured = measure(command(tree, directory))
      const { rows, expectedRows, fingerprint } = outcome(tree, directory)
      if (rows !== expectedRows) throw new Error(`${name}: ${rows} rows, there should be ${expectedRows}`)
      if (fingerprint !== undefined) {
        first ??= { name, fingerprint }
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
