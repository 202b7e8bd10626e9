import type { LineCounts, RecordCounts } from '../domain/counts.js'
import type { RunDocument } from '../domain/document.js'
import { count } from './format.js'
import type { Style } from './style.js'

interface Sum {
  readonly title: string
  readonly total: readonly [label: string, value: number]
  readonly parts: readonly (readonly [label: string, value: number])[]
}

/** Lines and records as two sums that a reader can add up, each with the verdict whether it does. */
export function renderBalance(document: RunDocument, published: boolean, style: Style): string[] {
  const { records } = document
  const beside = [
    ...(records.repaired > 0 ? [`${count(records.repaired)} repaired (a null amount read as 0)`] : []),
    ...(records.salvaged > 0 ? [`${count(records.salvaged)} salvaged from damaged lines`] : []),
  ]
  return [
    ...renderSum(lineSum(document.lines), style),
    ...renderSum(recordSum(records, document.command === 'inspect', published), style),
    ...(beside.length > 0 ? [style.dim(`  of these ${beside.join(', ')}`)] : []),
  ]
}

function lineSum(lines: LineCounts): Sum {
  return {
    title: 'Lines',
    total: ['read', lines.read],
    parts: [
      ['blank', lines.blank],
      ['quarantined', lines.quarantined],
      ['torn tails', lines.tornTails],
      ['with records', lines.withRecords],
    ],
  }
}

function recordSum(records: RecordCounts, inspected: boolean, published: boolean): Sum {
  const left: [string, number][] = [
    ['duplicates', records.duplicates],
    ['conflicting copies', records.conflicts],
    ['already in the ledger', records.alreadyInLedger],
    ['filtered out', records.filteredOut],
  ]
  const others = left.reduce((sum, [, value]) => sum + value, 0)
  const rest = records.decoded - others - records.inserted
  const first: [string, number][] = inspected
    ? // inspect writes nothing: what is left over is what a replay into an empty ledger would insert
      [['distinct', rest + records.inserted]]
    : published
      ? [['inserted', records.inserted]]
      : [
          ['inserted', records.inserted],
          ['not inserted', rest],
        ]
  return { title: 'Records', total: ['decoded', records.decoded], parts: [...first, ...left] }
}

function renderSum({ title, total, parts }: Sum, style: Style): string[] {
  const shown = [total, ...parts]
  const labels = Math.max(24, ...shown.map(([label]) => label.length))
  const digits = Math.max(...shown.map(([, value]) => count(value).length))
  const line = (sign: string, [label, value]: readonly [string, number]) => {
    return `  ${sign} ${label.padEnd(labels)} ${count(value).padStart(digits)}`
  }
  const difference = total[1] - parts.reduce((sum, [, value]) => sum + value, 0)
  const verdict =
    difference === 0
      ? style.good('adds up')
      : style.bad(`DOES NOT ADD UP: ${count(Math.abs(difference))} ${difference > 0 ? 'missing' : 'too many'}`)
  return [
    `${style.bold(title)}  ${verdict}`,
    line(' ', total),
    ...parts.map((part, i) => line(i === 0 ? '=' : '+', part)),
  ]
}
