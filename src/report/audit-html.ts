import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { AuditedFinding, AuditOutcome } from '../domain/audit.js'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'
import { sizeOf } from './audit.js'
import { coverageChart, shownPods } from './audit-chart.js'
import { moment, plural } from './format.js'
import { htmlPage, htmlTable, text } from './page.js'

/** Findings of one kind that are told in full; the table above them counts all. */
const MOST_TOLD = 50

/** Writes an audit as one page that needs nothing from outside. Readable by its owner alone. Throws `disk_full`, `internal`. */
export async function writeAuditPage(file: string, outcome: AuditOutcome, version: string, now: Date): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFileAtomic(file, auditPage(outcome, version, now), { mode: 0o600 })
  } catch (error) {
    throw writeError('the report', file, error, 'name another file with --report')
  }
}

function auditPage({ target, rows, findings, notes, coverage }: AuditOutcome, version: string, now: Date): string {
  const where = `${printable(target.location)}, database ${target.database}, ClickHouse ${target.version}`
  const kinds = [...new Set(findings.map(({ kind }) => kind))]
  const told = kinds.map((kind) => findings.filter((finding) => finding.kind === kind))
  return htmlPage('Audit of the usage ledger', [
    `<p class="sub">${text(`${where}: ${plural(rows, 'row')}`)}</p>`,
    verdict(findings),
    coverage === null ? '' : coverageHtml(coverage, findings),
    htmlTable(
      'Findings',
      ['Finding', 'Number', 'Waived', 'Requests'],
      told.map((of) => [
        { html: text(of[0].kind.replaceAll('_', ' ')) },
        { html: String(of.length), right: true },
        { html: String(of.filter(({ waiver }) => waiver !== null).length), right: true },
        { html: of.some(({ requests }) => requests !== null) ? total(of) : '', right: true },
      ]),
    ),
    ...told.map(section),
    `<h2>Notes</h2><ul>${notes.map((note) => `<li>${text(note)}</li>`).join('\n')}</ul>`,
    `<p class="foot">obleth-ledger ${text(version)}, ${moment(now.getTime())}. All times are UTC.</p>`,
  ])
}

function verdict(findings: readonly AuditedFinding[]): string {
  const open = findings.filter(({ waiver }) => waiver === null).length
  const waived = findings.length - open
  const more = waived === 0 ? '' : `, ${waived} waived`
  if (open === 0) return `<p class="due ok">Nothing found${more}</p>`
  return `<p class="due">${plural(open, 'finding')}${more}</p>`
}

function coverageHtml(coverage: NonNullable<AuditOutcome['coverage']>, findings: readonly AuditedFinding[]): string {
  const windows = findings.flatMap(({ window }) => (window === null ? [] : [window]))
  const left = coverage.pods.length - shownPods(coverage)
  const hours = coverage.stepMs / 3_600_000
  return (
    `<h2>Coverage</h2><p class="sub">Each field is ${plural(hours, 'hour')}; the darker, the more requests. Red: time windows of findings.` +
    `${left === 0 ? '' : ` ${left} more pods are not shown.`}</p><div class="wide">${coverageChart(coverage, windows)}</div>`
  )
}

function section(findings: readonly AuditedFinding[]): string {
  const more = findings.length - MOST_TOLD
  const rest = more > 0 ? `<p>and ${more} more, which <code>obleth-ledger audit --json</code> lists</p>` : ''
  const [{ kind }] = findings
  return `<h2>${text(kind.replaceAll('_', ' '))}</h2>${findings.slice(0, MOST_TOLD).map(findingHtml).join('\n')}${rest}`
}

function findingHtml(finding: AuditedFinding): string {
  const { place, window, evidence, cause, next, waiver } = finding
  const size = sizeOf(finding)
  const line = (name: string, what: string) => `<p><b>${name}</b> ${text(printable(what))}</p>`
  return `<div class="finding${waiver === null ? '' : ' waived'}"><p><b>${text(printable(place))}</b>${
    window === null ? '' : `, ${moment(window.fromMs)} to ${moment(window.toMs)}`
  }</p>${size === '' ? '' : line('Size', size)}${line('Evidence', evidence)}${line('Cause', cause)}${line('Next', next)}${
    waiver === null ? '' : line('Waived', `${waiver.reason} (${waiver.who}, until ${moment(waiver.untilMs)})`)
  }</div>`
}

const total = (findings: readonly AuditedFinding[]): string =>
  findings.reduce((sum, { requests }) => sum + (requests ?? 0), 0).toLocaleString('en-US')
