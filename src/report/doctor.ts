import type { DoctorOutcome, Health, Step, StoreReport } from '../domain/doctor.js'
import { printable } from '../domain/printable.js'
import { moment, plural, size } from './format.js'
import type { Style } from './style.js'

/** What doctor found: stores, backups, WAL, what needs attention, and what each loss would mean. */
export function renderDoctor(outcome: DoctorOutcome, style: Style): string {
  const { stores, backups, window, wal, problems, matrix } = outcome
  const lines = [
    style.bold('stores'),
    ...stores.flatMap((store) => storeLines(store, style)),
    '',
    style.bold(backups === null ? 'backups' : `backups in ${printable(backups.place)}`),
    ...(backups === null ? ['  not looked at'] : backupLines(backups.stores)),
    ...(window === null ? [] : [`  archive of postgres: from ${window.from} to before ${window.before}`]),
    '',
    style.bold('WAL of the pods'),
    wal === null
      ? '  not looked at: name the sources, such as k8s://obleth/app.kubernetes.io/name=obleth'
      : `  ${plural(wal.files, 'file')} of ${plural(wal.pods, 'pod')}, ${size(wal.bytes)}; running ${wal.live}, full ${wal.full}`,
    '',
    style.bold('what a loss would mean'),
    ...matrix.flatMap(({ lost, impact, recoverable, commands }) => [
      `  ${style.bold(lost)} lost`,
      `    impact   ${printable(impact)}`,
      `    comes back  ${printable(recoverable)}`,
      ...commands.map((command) => `    $ ${printable(command)}`),
    ]),
    '',
    ...(problems.length === 0
      ? [style.good('nothing needs attention')]
      : [
          style.bad(`${plural(problems.length, 'thing')} ${problems.length === 1 ? 'needs' : 'need'} attention`),
          ...problems.flatMap(({ about, reason, next }) => [
            `  ${style.bad(printable(about))}: ${printable(reason)}`,
            `    ${printable(next)}`,
          ]),
        ]),
  ]
  return `${lines.join('\n')}\n`
}

/** The steps that bring a lost store back. */
export function renderRunbook({ lost, steps }: NonNullable<DoctorOutcome['runbook']>, style: Style): string {
  const lines = steps.flatMap(({ text, command }: Step, n) => [
    `${String(n + 1).padStart(2)}. ${printable(text)}`,
    ...(command === null ? [] : [`      ${style.bold(printable(command))}`]),
  ])
  return `${style.bold(`${lost} is lost: what to do`)}\n${lines.join('\n')}\n`
}

const HEALTH: Record<Health, (style: Style) => string> = {
  ok: (style) => style.good('ok'),
  attention: (style) => style.bad('needs attention'),
  unreachable: (style) => style.bad('does not answer'),
  unknown: (style) => style.warn('not named'),
}

function storeLines({ store, health, place, facts }: StoreReport, style: Style): string[] {
  return [
    `  ${style.bold(store.padEnd(10))} ${HEALTH[health](style)}${place === null ? '' : `  ${printable(place)}`}`,
    ...facts.map(({ name, value }) => `    ${printable(`${name}: ${value}`)}`),
  ]
}

function backupLines(stores: NonNullable<DoctorOutcome['backups']>['stores']): string[] {
  return stores.map(({ store, newest, counts }) => {
    const others = Object.entries(counts).map(([state, n]) => `${state} ${n}`)
    const good = newest === null ? 'none' : `${moment(newest.startedMs)}, ${size(newest.bytes)}`
    return `  ${store.padEnd(10)} newest ${good}${others.length === 0 ? '' : `; ${others.join(', ')}`}`
  })
}
