import { BENCH } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

const MIB = 2 ** 20

export const BENCH_OPTIONS = {
  target: option(parse.oneOf('none', 'embedded', 'server'), {
    shape: 'value',
    default: 'embedded',
    group: 'Bench',
    commands: BENCH,
    describe:
      'Ledger to measure with: none (decode and order only), embedded, or a database on --clickhouse-url that is made for it and dropped',
  }),
  records: option(parse.wholeNumber(1, 1_000_000_000), {
    shape: 'value',
    default: '500000',
    group: 'Bench',
    commands: BENCH,
    describe: 'Records to generate where no source is named, a tenth of them copies',
  }),
  seed: option(parse.text, {
    shape: 'value',
    default: '1',
    group: 'Bench',
    commands: BENCH,
    describe: 'The same seed generates the same records',
  }),
  sample: option(parse.byteSize(MIB), {
    shape: 'value',
    default: '256MiB',
    group: 'Bench',
    commands: BENCH,
    describe: 'About how much of the sources is replayed in each round; the time for all of them is worked out from it',
  }),
  rounds: option(parse.wholeNumber(1, 100), {
    shape: 'value',
    default: '3',
    group: 'Bench',
    commands: BENCH,
    describe: 'Times that it is measured; the table shows medians',
  }),
} as const
