import { QUERY, QUERY_AND_BILL } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

export const QUERY_OPTIONS = {
  format: option(parse.formatName, {
    shape: 'value',
    default: 'PrettyCompactMonoBlock',
    group: 'Query',
    commands: QUERY_AND_BILL,
    describe: 'ClickHouse output format, for programs e.g. JSONEachRow; of a bill: csv, or table where not given',
  }),
  write: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Query',
    commands: QUERY,
    describe: 'Allow statements that change something',
  }),
} as const
