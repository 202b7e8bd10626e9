import { expect, it } from 'vitest'
import type { Checkpoint, WalFileKind } from '../domain/wal.js'
import { candidateBatches, type Draining } from './candidates.js'

const NONE: Checkpoint = { state: 'none' }
const UNUSABLE: Checkpoint = { state: 'unusable', reason: 'text' }
const at = (offset: number): Checkpoint => ({ state: 'at', offset })

function file(
  name: string,
  checkpoint: Checkpoint,
  bytes: number | null = 100,
  kind: WalFileKind = 'segment',
  drain = 'pod',
): Draining {
  return { drain, order: Buffer.from(name), kind, bytes, checkpoint }
}
const legacy = (checkpoint: Checkpoint, bytes = 100) => file('zz.wal', checkpoint, bytes, 'legacy')

/** Names of the files with a number, whatever the order in which they are given. */
function numbered(...files: Draining[]): string[] {
  const names = (list: Draining[]) => [...candidateBatches(list).keys()].map(({ order }) => order.toString())
  const forward = names([...files])
  expect(names([...files].reverse()).sort()).toEqual([...forward].sort())
  expect([...candidateBatches(files).values()]).toEqual(forward.map((_, i) => i + 1))
  return forward
}

it.each<[string, Draining[], string[]]>([
  ['nothing was drained: the first file', [file('a', NONE), file('b', NONE)], ['a']],
  ['the legacy file comes first, whatever its name', [file('a', NONE), legacy(NONE)], ['zz.wal']],
  ['within the first file', [file('a', at(40)), file('b', NONE)], ['a']],
  ['a wholly acknowledged file passes it on', [legacy(at(100)), file('a', NONE), file('b', NONE)], ['a']],
  ['several of them', [legacy(at(100)), file('a', at(100)), file('b', at(7)), file('c', NONE)], ['b']],
  ['all acknowledged: none', [legacy(at(100)), file('a', at(100))], []],
  ['an empty file has nothing to commit', [file('a', NONE, 0), file('b', NONE), file('c', NONE, 0)], ['b']],
  ['a checkpoint at 0 is one', [file('a', at(0))], ['a']],
  ['a checkpoint within a later file', [file('a', NONE), file('b', at(5)), file('c', NONE)], ['a', 'b']],
  ['a later file that is done, behind one that is not', [file('a', at(5)), file('b', at(100)), file('c', NONE)], ['a']],
  ['an unusable checkpoint has none, nor what is behind it', [file('a', UNUSABLE), file('b', NONE)], []],
  ['but an explicit checkpoint behind it has', [file('a', UNUSABLE), file('b', at(5))], ['b']],
  ['moved files were not drained', [file('a', NONE, 100, 'corrupt'), file('b', NONE)], ['b']],
  ['of unknown length: not known to be done', [file('a', at(50), null), file('b', NONE)], ['a']],
])('%s', (_, files, expected) => {
  expect(numbered(...files)).toEqual(expected)
})

it('each pod has its own, and copies of a pod in other places, too', () => {
  const numbers = candidateBatches([
    file('a', NONE, 100, 'segment', '/one/pod'),
    file('b', NONE, 100, 'segment', '/one/pod'),
    file('a', NONE, 100, 'segment', '/two/pod'),
  ])
  expect([...numbers].map(([{ drain }, number]) => [drain, number])).toEqual([
    ['/one/pod', 1],
    ['/two/pod', 2],
  ])
})
