import { ANY, COLLECT, COMPARING, READING_AND_BILL, S3, SOURCED, TAKING } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

const KIB = 2 ** 10
const MIB = 2 ** 20

export const INPUT_OPTIONS = {
  source: option(parse.text, {
    shape: 'list',
    flag: 'positional',
    separator: /\n/,
    alsoFrom: { name: 'OBLETH_WAL_PATH' },
    group: 'Input',
    commands: SOURCED,
    describe:
      'WAL directories, files, archives (.gz, .zst, .tar, .tar.gz, .tar.zst), patterns, s3://bucket/prefix, k8s://namespace/app=gateway, docker://container/path; as variable one a line',
  }),
  's3-endpoint': option(parse.serverUrl, {
    shape: 'value',
    unset: 'AWS',
    group: 'Input',
    commands: S3,
    describe: 'Store that speaks the S3 protocol, http://host:9000',
  }),
  's3-path-style': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Input',
    commands: S3,
    describe: "Name the bucket in the path, not in the host's name, as many stores beside AWS need it",
  }),
  's3-timeout': option(parse.duration, {
    shape: 'value',
    default: '30s',
    group: 'Input',
    commands: S3,
    describe: 'Longest silence of the store; then the request is sent again',
  }),
  since: option(parse.moment, {
    shape: 'value',
    unset: 'the beginning',
    group: 'Input',
    commands: READING_AND_BILL,
    describe: 'Only records at or after this time: RFC 3339 with offset, or epoch ms',
  }),
  until: option(parse.moment, {
    shape: 'value',
    unset: 'the end',
    group: 'Input',
    commands: READING_AND_BILL,
    describe: 'Only records before this time',
  }),
  tenant: option(parse.uuid, {
    shape: 'list',
    separator: /[,\n]/,
    unset: 'all',
    group: 'Input',
    commands: READING_AND_BILL,
    describe: 'Only records of this tenant; may be repeated',
  }),
  'accept-future': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Input',
    commands: COMPARING,
    describe: 'Load records dated more than a day ahead too',
  }),
  to: option(parse.text, {
    shape: 'value',
    group: 'Input',
    commands: [...COLLECT, 'restore postgres', 'pitr render'],
    describe:
      'Folder of the bundle, or s3://bucket/prefix, to which is added; of a recovery of Postgres the moment, RFC 3339 with offset and up to microseconds',
  }),
  'limit-rate': option(parse.byteSize(64 * KIB), {
    shape: 'value',
    unset: 'none',
    group: 'Input',
    commands: [...COLLECT, ...TAKING],
    describe: 'Most bytes a second to read, and as many to write: 10MiB',
  }),
  's3-checksums': option(parse.oneOf('always', 'required'), {
    shape: 'value',
    default: 'always',
    group: 'Input',
    commands: [...COLLECT, ...TAKING],
    describe:
      'Checksums that uploads carry; required: only where the protocol demands one, for stores that know no others',
  }),
  's3-sse': option(parse.oneOf('AES256', 'aws:kms'), {
    shape: 'value',
    unset: "the bucket's own default",
    group: 'Input',
    commands: [...COLLECT, ...TAKING],
    describe: 'How the store encrypts what is uploaded: AES256 with its own keys, aws:kms with one of its key service',
  }),
  's3-sse-key': option(parse.kmsKey, {
    shape: 'value',
    unset: "the account's default key",
    group: 'Input',
    commands: [...COLLECT, ...TAKING],
    describe: 'Key for --s3-sse aws:kms: its id, ARN or alias',
  }),
  verify: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Input',
    commands: COLLECT,
    describe: 'Prove the bundle in --to against its manifest, and copy nothing',
  }),
  concurrency: option(parse.wholeNumber(1, 64), {
    shape: 'value',
    default: '4',
    group: 'Input',
    commands: SOURCED,
    describe: 'Files examined or copied, and archives read, at once',
  }),
  memory: option(parse.byteSize(16 * MIB), {
    shape: 'value',
    default: '1GiB',
    group: 'Input',
    commands: [...COMPARING, 'bench'],
    describe: 'Memory for records; what goes beyond spills to disk',
  }),
  'state-dir': option(parse.text, {
    shape: 'value',
    default: '.obleth-ledger',
    group: 'Input',
    commands: ANY,
    describe: 'Directory of journal, quarantine and lock',
  }),
} as const
