import { ANY, AUDIT_AND_BILL, DOCTOR } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

export const OUTPUT_OPTIONS = {
  metrics: option(parse.text, {
    shape: 'value',
    group: 'Output',
    commands: DOCTOR,
    describe: "File for Prometheus' textfile collector, written whatever is found",
  }),
  report: option(parse.text, {
    shape: 'value',
    group: 'Output',
    commands: AUDIT_AND_BILL,
    describe: 'HTML: of a bill the directory for an index and a page for each tenant, of an audit the one page',
  }),
  config: option(parse.text, {
    shape: 'value',
    file: 'no',
    unset: 'obleth-ledger.yaml, where there is one',
    group: 'Output',
    commands: ANY,
    describe: 'File with options',
  }),
  json: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Output',
    commands: ANY,
    describe: 'Print one JSON document on stdout',
  }),
  quiet: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Output',
    commands: ANY,
    describe: 'No progress and no summary, only warnings and errors',
  }),
  verbose: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Output',
    commands: ANY,
    describe: 'Every warning in full, and the stack of an unexpected error',
  }),
  'no-color': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    alsoFrom: { name: 'NO_COLOR', anyTextMeans: 'true' },
    group: 'Output',
    commands: ANY,
    describe: 'No colours',
  }),
} as const
