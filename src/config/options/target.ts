import { LEDGER, SERVER } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

export const TARGET_OPTIONS = {
  'clickhouse-url': option(parse.serverUrl, {
    shape: 'value',
    unset: 'the embedded ledger',
    alsoFrom: { name: 'OBLETH_CLICKHOUSE_URL' },
    group: 'Target',
    commands: SERVER,
    describe: 'ClickHouse server, http://host:8123',
  }),
  'clickhouse-db': option(parse.identifier, {
    shape: 'value',
    default: 'obleth',
    alsoFrom: { name: 'OBLETH_CLICKHOUSE_DB' },
    group: 'Target',
    commands: LEDGER,
    describe: 'Database of the ledger',
  }),
  'clickhouse-user': option(parse.text, {
    shape: 'value',
    default: 'default',
    alsoFrom: { name: 'OBLETH_CLICKHOUSE_USER' },
    group: 'Target',
    commands: SERVER,
    describe: 'User on the server',
  }),
  'clickhouse-password': option(parse.secret, {
    shape: 'value',
    flag: 'no',
    alsoFrom: { name: 'OBLETH_CLICKHOUSE_PASSWORD' },
    group: 'Target',
    commands: SERVER,
    describe: 'Password on the server; environment or config file only',
  }),
  'clickhouse-password-file': option(parse.text, {
    shape: 'value',
    group: 'Target',
    commands: SERVER,
    describe: 'File whose first line is the password',
  }),
  'clickhouse-ca-file': option(parse.text, {
    shape: 'value',
    unset: "Node's list of public CAs",
    group: 'Target',
    commands: SERVER,
    describe: "PEM file with the CAs that alone may have signed the server's certificate",
  }),
  embedded: option(parse.text, {
    shape: 'value',
    default: './obleth-ledger-data',
    group: 'Target',
    commands: LEDGER,
    describe: 'Directory of the embedded ledger; as a flag it beats a URL from environment or file',
  }),
  'clickhouse-timeout': option(parse.duration, {
    shape: 'value',
    default: '5m',
    group: 'Target',
    commands: SERVER,
    describe: 'Longest wait for one answer of a server',
  }),
  days: option(parse.wholeNumber(1, 36_500), {
    shape: 'value',
    group: 'Target',
    commands: ['ttl set'],
    describe: 'Days after which rows of usage expire',
  }),
  'postgres-url': option(parse.postgresUrl, {
    shape: 'value',
    alsoFrom: { name: 'OBLETH_DATABASE_URL' },
    group: 'Target',
    commands: ['bill', 'backup postgres', 'restore postgres', 'doctor'],
    describe: "obleth's Postgres; as a flag without password",
  }),
} as const
