import { CHANGING, LOCKING, REPLAY, REPLAY_AND_REPAIR, REPLAY_AUDIT_AND_BILL, TRYING, TTL } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

export const REPLAY_OPTIONS = {
  'dry-run': option(parse.flag, {
    shape: 'switch',
    short: 'n',
    default: 'false',
    group: 'Replay',
    commands: [...TRYING, 'ttl set'],
    describe: 'Print what would be done and change nothing',
  }),
  'stage-only': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: REPLAY,
    describe: 'Stage and verify, stop before publishing',
  }),
  'create-schema': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: REPLAY,
    describe: "Create obleth's tables on a server that lacks them (the embedded ledger always may)",
  }),
  expired: option(parse.oneOf('refuse', 'skip', 'include'), {
    shape: 'value',
    default: 'refuse',
    group: 'Replay',
    commands: REPLAY,
    describe: "Records older than the table's TTL: refuse, skip or include",
  }),
  publish: option(parse.oneOf('move', 'insert'), {
    shape: 'value',
    default: 'move',
    group: 'Replay',
    commands: REPLAY,
    describe:
      'How rows get into usage: move partitions, or insert blocks through the views, where nothing can be moved',
  }),
  'repair-rollup': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: REPLAY_AND_REPAIR,
    describe:
      'Raise usage_daily where it holds less than usage; with --publish insert, lower again what a view counts twice',
  }),
  'lower-rollup': option(parse.rollupGroup, {
    shape: 'list',
    separator: /\n/,
    group: 'Replay',
    commands: ['repair'],
    describe: 'Lower usage_daily to usage in this group, day/tenant/key/model as `repair` lists it; may be repeated',
  }),
  'break-lock': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: [...LOCKING, 'collect'],
    describe: 'Take over the lock of another run that is gone',
  }),
  'retention-days': option(parse.wholeNumber(1, 36_500), {
    shape: 'value',
    default: '180',
    alsoFrom: { name: 'OBLETH_USAGE_RETENTION_DAYS' },
    group: 'Replay',
    commands: [...REPLAY_AUDIT_AND_BILL, ...TTL],
    describe: 'What obleth keeps in usage; older records are warned about',
  }),
  yes: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: [...CHANGING, 'ttl set', 'bench'],
    describe: 'Change a server, or restore over what is there, without asking',
  }),
} as const
