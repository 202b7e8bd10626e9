import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { billOptions, comparedInput } from '../../config/parsed.js'
import type { BillSink } from '../../domain/bill.js'
import { LedgerError } from '../../domain/errors.js'
import { toolVersion } from '../../pipeline/version.js'
import { csvBill, csvComparison, csvReconciliation } from '../../report/bill-csv.js'
import { textComparison, textReconciliation } from '../../report/bill-differences.js'
import { jsonBill, jsonComparison, jsonReconciliation } from '../../report/bill-json.js'
import { tableBill } from '../../report/bill-table.js'
import { createStyle } from '../../report/style.js'
import { terminalText } from '../../report/terminal-text.js'
import type { Write } from '../../report/write.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger bill`: 4 where findings touch the bill, or where what it is compared with differs. */
export async function runBill(session: Session): Promise<number> {
  const { values } = session.settings
  const options = billOptions(session.settings)
  const form = formOf(session)
  const { bill, compareBill, reconcile } = await import('../../billing/index.js')
  if (values.against !== undefined) {
    return codeOf(await reconcile(options, form.reconciliation()))
  }
  if (values.compare !== undefined) {
    return codeOf(await compareBill(options, values.compare, form.comparison(values.compare), Date.now()))
  }
  const pages = values.report === undefined ? [] : [(await import('../../report/bill-html.js')).htmlBill(values.report)]
  const sink = together([form.bill(), ...pages])
  const now = Date.now()
  const input = comparedInput(session.settings)
  const { completeness } = await (input === null
    ? bill(options, sink, now, null)
    : (await import('../../pipeline/bill.js')).withBillSources(
        options,
        input,
        { emit: session.printer.emit, signal: session.signal },
        now,
        (compare) => bill(options, sink, now, compare),
      ))
  return codeOf(completeness.daysWithFindings)
}

const codeOf = (found: number): number => (found === 0 ? EXIT.done : EXIT.mismatch)

/** What prints the answer, in the form that was asked for. */
function formOf({ settings: { values, given }, stdout, colors }: Session) {
  const version = toolVersion()
  const style = createStyle(colors)
  const asked = given.has('format') && !values.json ? values.format.toLowerCase() : 'table'
  if (asked !== 'table' && asked !== 'csv') {
    throw new LedgerError('usage', '--format of a bill is table or csv', { hint: '--json prints it as JSON' })
  }
  if (values.json) {
    const write = writeTo(stdout)
    return {
      bill: () => jsonBill(version, write),
      comparison: (earlier: string) => jsonComparison(version, earlier, write),
      reconciliation: () => jsonReconciliation(version, write),
    }
  }
  if (asked === 'csv') {
    const write = writeTo(stdout.isTTY ? safeOn(stdout) : stdout)
    return {
      bill: () => csvBill(write),
      comparison: () => csvComparison(write),
      reconciliation: () => csvReconciliation(write),
    }
  }
  const write: Write = values.quiet ? async () => {} : writeTo(stdout)
  return {
    bill: () => tableBill(style, values.verbose, write),
    comparison: (earlier: string) => textComparison(earlier, style, write),
    reconciliation: () => textReconciliation(style, write),
  }
}

/** One after the other, each piece. */
function together(sinks: readonly BillSink[]): BillSink {
  return {
    start: async (header) => {
      for (const sink of sinks) await sink.start(header)
    },
    statement: async (statement) => {
      for (const sink of sinks) await sink.statement(statement)
    },
    end: async (summary) => {
      for (const sink of sinks) await sink.end(summary)
    },
  }
}

function safeOn(terminal: Writable): Writable {
  const safe = terminalText()
  safe.pipe(terminal, { end: false })
  return safe
}

function writeTo(out: Writable): Write {
  return async (text) => {
    if (!out.write(text)) await once(out, 'drain')
  }
}
