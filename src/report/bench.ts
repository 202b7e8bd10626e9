import type { BenchDocument, BenchStage, StageSpeed } from '../domain/bench.js'
import { printable } from '../domain/printable.js'
import { count, plural, size, time } from './format.js'
import type { Style } from './style.js'
import { renderTable } from './table.js'

/** What each stage waits for most, and what helps. */
const ADVICE: Record<BenchStage, string> = {
  read: 'the sources are slower than the rest: read them from a faster disk, or collect them first',
  decode: 'one processor core sets the pace: a faster one helps, more of them do not',
  order: 'sorting and building blocks: more --memory helps where records go by way of the disk',
  stage: 'the ledger takes blocks more slowly than they are made: its disk, its processors, or the way to it',
  verify: 'the ledger compares what it took: its processors and memory',
  publish: 'looking, moving and looking again, day by day: its time goes by days more than by records',
}

/** The table, and what it means for the files that were named. */
export function renderBench(document: BenchDocument, style: Style): string {
  const { input, medians, bottleneck, machine, notes, rounds, target, version } = document
  const { totalMs, recordsPerSecond, bytesPerSecond, stages } = medians
  const what = input.kind === 'generated' ? `generated with seed ${input.seed}` : 'of your files'
  const rows: Row[] = [...stages, { stage: 'whole', ms: totalMs, share: null, recordsPerSecond, bytesPerSecond }]
  const lines = [
    style.bold(`${plural(input.records, 'record')} ${printable(what)}, ${count(input.unique)} of them unique`),
    `  ${plural(input.files, 'file')} of ${plural(input.pods, 'pod')}, ${size(input.bytes)}; ${ledgerOf(target)}; ${roundsOf(rounds)}`,
    '',
    ...renderTable(COLUMNS, rows, style),
    '',
    style.dim(
      '  read, decode and order take turns in one thread, stage goes on beside them, starting up is in the whole alone',
    ),
    `${style.bold('bottleneck')}  ${bottleneck}: ${ADVICE[bottleneck]}`,
    ...projectionLines(document, style),
    ...notes.map((note) => `${style.warn('note')}        ${printable(note)}`),
    style.dim(
      `${machine.processors} × ${printable(machine.processor)}, ${size(machine.memoryBytes)}, ${printable(machine.system)}, Node ${machine.node}, obleth-ledger ${version}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}

type Row = Omit<StageSpeed, 'stage' | 'share'> & { readonly stage: string; readonly share: number | null }

const COLUMNS = [
  { head: 'stage', align: 'left' as const, cell: ({ stage }: Row) => stage },
  { head: 'seconds', align: 'right' as const, cell: ({ ms }: Row) => (ms / 1000).toFixed(2) },
  { head: 'records/s', align: 'right' as const, cell: (row: Row) => rate(row.recordsPerSecond) },
  { head: 'MB/s', align: 'right' as const, cell: (row: Row) => rate(row.bytesPerSecond, 1e6) },
  {
    head: 'share',
    align: 'right' as const,
    cell: ({ share }: Row) => (share === null ? '' : `${Math.round(share * 100)} %`),
  },
]

function rate(perSecond: number | null, unit = 1): string {
  return perSecond === null ? '' : count(perSecond / unit)
}

function roundsOf(rounds: BenchDocument['rounds']): string {
  if (rounds.length === 1) return 'one round'
  const times = rounds.map(({ totalMs }) => totalMs)
  return `medians of ${plural(rounds.length, 'round')}, ${time(Math.min(...times))} to ${time(Math.max(...times))}`
}

function ledgerOf({ kind, location, version }: BenchDocument['target']): string {
  if (kind === 'none') return 'no ledger'
  const where = kind === 'embedded' ? 'embedded ledger' : `ledger on ${location ?? ''}`
  return printable(`${where}, ClickHouse ${version ?? ''}`)
}

function projectionLines({ projection, target }: BenchDocument, style: Style): string[] {
  if (projection === null) return []
  const { files, bytes, ms, assumptions } = projection
  const all = `${plural(files, 'file')}${bytes === null ? '' : `, ${size(bytes)}`}`
  const job = target.kind === 'none' ? 'to decode and order' : 'a replay of'
  return [
    `${style.bold('all')}         ${job} ${all} would take about ${time(ms)}`,
    ...assumptions.map((text) => style.dim(`            ${printable(text)}`)),
  ]
}
