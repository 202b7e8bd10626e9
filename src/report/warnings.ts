import { printable } from '../domain/printable.js'
import type { Warning } from '../domain/wal.js'
import { count } from './format.js'
import type { Style } from './style.js'

const SHOWN_PER_CLASS = 3

/** Warnings by class with their number; the first few of each, or all of them where asked. */
export function renderWarnings(warnings: readonly Warning[], all: boolean, style: Style): string[] {
  const classes = new Map<string, Warning[]>()
  for (const warning of warnings) {
    const group = classes.get(warning.class)
    if (group) group.push(warning)
    else classes.set(warning.class, [warning])
  }
  const lines: string[] = []
  for (const [name, group] of classes) {
    const total = group.reduce((sum, warning) => sum + (warning.count ?? 1), 0)
    lines.push(`  ${style.warn(printable(name))}${total > 1 ? ` (${count(total)})` : ''}`)
    const shown = all ? group : group.slice(0, SHOWN_PER_CLASS)
    lines.push(...shown.map((warning) => `    ${renderWarning(warning)}`))
    if (shown.length < group.length) {
      lines.push(style.dim(`    … ${count(group.length - shown.length)} more; --verbose prints them all`))
    }
  }
  return lines
}

function renderWarning({ message, path, line, count: times }: Warning): string {
  const place = path === undefined ? '' : `${path}${line === undefined ? '' : `:${line}`}: `
  const repeated = times === undefined || times === 1 ? '' : ` (${count(times)} times)`
  return printable(place + message) + repeated
}
