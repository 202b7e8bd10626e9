import type { Lost, Step } from '../domain/doctor.js'
import { ANY_PODS, Commands } from './commands.js'
import { type Deployment, mayBeBackedUp } from './deployment.js'
import { BUNDLE } from './matrix.js'

/** What to do, step by step, once a store is lost. */
export function runbook(lost: Lost, deployment: Deployment): Step[] {
  return STEPS[lost](deployment, new Commands(deployment))
}

const RESTART = 'Restart all obleth pods, so that they read the configuration anew.'

/** Only where nobody could look: what follows may then name backups that are not there. */
const readable = ({ backupsUnread }: Deployment, commands: Commands): Step[] =>
  backupsUnread === null
    ? []
    : [
        {
          text: `The backups could not be looked at (${backupsUnread}): before all else, find the place where they are.`,
          command: commands.list(),
        },
      ]

/** An example of a source is no source. */
const whose = ({ sources }: Deployment): string =>
  sources.length > 0 ? '' : ` Put your own source in place of ${ANY_PODS}.`

const STEPS: Record<Lost, (deployment: Deployment, commands: Commands) => Step[]> = {
  redis: (deployment, commands) => [
    { text: 'Start an empty Redis at its old address: obleth fills it from Postgres on first use.', command: null },
    ...(mayBeBackedUp(deployment, 'redis')
      ? [
          {
            text: 'Only where the token budgets of the backup are wanted back: before Redis starts, lay it into its data directory.',
            command: commands.restore('redis'),
          },
        ]
      : []),
    { text: 'See that it writes to disk from now on.', command: commands.checkRedis() },
  ],

  postgres: (deployment, commands) => [
    { text: 'Stop the obleth pods, or at least their admin interface: nothing may write meanwhile.', command: null },
    ...readable(deployment, commands),
    ...(deployment.window === null
      ? []
      : [
          {
            text: 'Bring the cluster back to its last archived moment, into a new data directory.',
            command: commands.restoreArchived(),
          },
        ]),
    ...(mayBeBackedUp(deployment, 'postgres')
      ? [
          { text: 'Prove the newest dump.', command: commands.verify('postgres') },
          {
            text:
              deployment.window === null
                ? 'Start a PostgreSQL with an empty database at the old address, then restore into it.'
                : 'Or, where the archive is gone too: an empty database at the old address, and the newest dump.',
            command: commands.restore('postgres'),
          },
        ]
      : []),
    ...(mayBeBackedUp(deployment, 'postgres') || deployment.window !== null
      ? []
      : [
          {
            text: `There is no complete backup in ${deployment.options.place}: where there is none elsewhere, tenants, keys and settings have to be entered again.`,
            command: null,
          },
        ]),
    { text: RESTART, command: null },
  ],

  clickhouse: (deployment, commands) => [
    {
      text: 'Keep the pods: what is lost is in their WAL files. Do not delete, scale down or roll out anything before they are home.',
      command: null,
    },
    { text: `Bring the WAL of all pods home.${whose(deployment)}`, command: commands.collect(BUNDLE) },
    { text: 'Prove the copy.', command: commands.proveBundle(BUNDLE) },
    { text: 'Start an empty ClickHouse at the old address, without letting obleth write to it yet.', command: null },
    ...readable(deployment, commands),
    ...(mayBeBackedUp(deployment, 'clickhouse')
      ? [
          { text: 'Prove the newest backup.', command: commands.verify('clickhouse') },
          { text: 'Restore it.', command: commands.restore('clickhouse') },
        ]
      : [
          {
            text: `There is no complete backup in ${deployment.options.place}: where there is none elsewhere, all history comes from the WAL files.`,
            command: null,
          },
        ]),
    { text: 'See what the replay would do.', command: commands.replay(BUNDLE, '--dry-run') },
    { text: 'Close the gap.', command: commands.replay(BUNDLE, '--yes') },
    { text: 'See what is still missing, for the bills.', command: commands.audit(BUNDLE) },
    { text: 'Let the pods write again; collect and replay once more when they have drained.', command: null },
  ],

  pod: (deployment, commands) => [
    {
      text: 'Keep its volume: a PersistentVolume can be mounted elsewhere, an emptyDir goes with the pod.',
      command: null,
    },
    { text: `Bring its WAL home, with that of the others.${whose(deployment)}`, command: commands.collect(BUNDLE) },
    { text: 'Prove the copy.', command: commands.proveBundle(BUNDLE) },
    { text: 'Load what the ledger lacks; what it has is left alone.', command: commands.replay(BUNDLE, '--yes') },
    { text: 'See what is still missing, for the bills.', command: commands.audit(BUNDLE) },
  ],
}
