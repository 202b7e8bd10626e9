import { BILL } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

export const BILL_OPTIONS = {
  period: option(parse.calendarPeriod, {
    shape: 'value',
    unset: '--since and --until',
    group: 'Bill',
    commands: BILL,
    describe: 'Month, year or day to bill: 2025-06, 2025, 2025-06-30',
  }),
  'time-zone': option(parse.timeZone, {
    shape: 'value',
    default: 'UTC',
    group: 'Bill',
    commands: BILL,
    describe: "Zone of the bill's days, e.g. Europe/Berlin",
  }),
  digits: option(parse.wholeNumber(0, 12), {
    shape: 'value',
    default: '2',
    group: 'Bill',
    commands: BILL,
    describe: 'Digits behind the point of amounts due; halves are rounded away from zero',
  }),
  'config-backup': option(parse.text, {
    shape: 'value',
    group: 'Bill',
    commands: BILL,
    describe: "The gateway's config backup (JSON), for names of tenants and keys; beats Postgres",
  }),
  compare: option(parse.text, {
    shape: 'value',
    group: 'Bill',
    commands: BILL,
    describe: 'Earlier bill (JSON): print each line item that differs from it',
  }),
  against: option(parse.oneOf('rollup'), {
    shape: 'value',
    group: 'Bill',
    commands: BILL,
    describe: 'rollup: print what differs between usage and usage_daily, and why',
  }),
} as const
