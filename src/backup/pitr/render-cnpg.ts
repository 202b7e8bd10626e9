import { Document } from 'yaml'
import { LedgerError } from '../../domain/errors.js'
import type { RenderedFile, RenderOptions, Repository } from '../../domain/pitr.js'
import { shellLine } from '../../domain/shell-line.js'
import { inUtc } from './instant.js'
import { textOf } from './text.js'

const PLUGIN = 'barman-cloud.cloudnative-pg.io'
const CLUSTER_API = 'postgresql.cnpg.io/v1'
/** Names become parts of others, and of host names. */
const NAME = /^[a-z][a-z0-9-]{0,48}[a-z0-9]$/

/** A manifest, and what a reader should know of it. */
interface Manifest {
  readonly about: string
  readonly content: object
}

/**
 * Manifests of a cluster that CloudNativePG runs. Facts: its 1.30 and the plugin's 0.14; the plugin needs 1.26. The form within
 * the Cluster was deprecated in 1.26 and its removal is announced for 1.31; both forms at once are refused by the operator.
 *
 * @throws LedgerError `usage` where no bucket is named, and for names that Kubernetes does not take
 */
export function renderCnpg(options: RenderOptions): RenderedFile[] {
  const { cluster, repository, cnpgForm, toUs } = options
  if (repository?.kind !== 's3')
    throw new LedgerError('usage', 'CloudNativePG archives into a bucket', {
      hint: 'name it with --repository s3://bucket/prefix, and a store that is not AWS with --s3-endpoint',
    })
  if (!NAME.test(cluster.name))
    throw new LedgerError('usage', 'a Cluster is named by 2 to 50 lower-case letters, digits and hyphens', {
      hint: 'name it with --cluster',
    })
  const plugin = cnpgForm === 'plugin'
  const store = storeOf(options, repository)
  const manifests = plugin ? pluginForm(options, store) : inTreeForm(options, store)
  const files = [{ name: 'cluster.yaml', place: 'kubectl apply -f', text: yamlOf(manifests) }]
  if (toUs !== undefined)
    files.push({ name: 'recovery.yaml', place: 'kubectl apply -f', text: yamlOf([recovery(options, toUs, store)]) })
  return [...files, { name: 'first-commands.sh', place: 'run where kubectl is', text: firstCommands(options) }]
}

const storeName = ({ cluster }: RenderOptions) => `${cluster.name}-store`
const metadata = (name: string, { namespace }: RenderOptions) => ({ name, namespace })

/** `spec.configuration` of an ObjectStore, `spec.backup.barmanObjectStore` of a Cluster: one shape. */
function storeOf({ s3, s3Secret, encrypted }: RenderOptions, { bucket, prefix }: Extract<Repository, { kind: 's3' }>) {
  const key = (name: string) => ({ name: s3Secret, key: name })
  const encryption = encrypted ? { encryption: 'AES256' } : {}
  return {
    destinationPath: `s3://${bucket}/${prefix}`,
    ...(s3.endpoint === undefined ? {} : { endpointURL: s3.endpoint }),
    s3Credentials: {
      accessKeyId: key('ACCESS_KEY_ID'),
      secretAccessKey: key('ACCESS_SECRET_KEY'),
      region: key('REGION'),
    },
    wal: { compression: 'gzip', maxParallel: 2, ...encryption },
    data: { compression: 'gzip', ...encryption },
  }
}

/** What every Cluster needs, and is there already where one runs. */
const CLUSTER = { instances: 3, storage: { size: '20Gi' } }

function pluginForm(options: RenderOptions, configuration: object): Manifest[] {
  const { name } = options.cluster
  return [
    {
      about: 'Where base backups and WAL go. Its name is what the Cluster refers to.',
      content: {
        apiVersion: 'barmancloud.cnpg.io/v1',
        kind: 'ObjectStore',
        metadata: metadata(storeName(options), options),
        spec: { configuration, retentionPolicy: `${options.windowDays}d` },
      },
    },
    {
      about: 'The cluster. Of one that runs already add spec.plugins only; instances and storage are yours to say.',
      content: {
        apiVersion: CLUSTER_API,
        kind: 'Cluster',
        metadata: metadata(name, options),
        spec: {
          ...CLUSTER,
          plugins: [{ name: PLUGIN, isWALArchiver: true, parameters: { barmanObjectName: storeName(options) } }],
        },
      },
    },
    scheduled(options, { method: 'plugin', pluginConfiguration: { name: PLUGIN } }),
  ]
}

function inTreeForm(options: RenderOptions, barmanObjectStore: object): Manifest[] {
  const backup = { barmanObjectStore, retentionPolicy: `${options.windowDays}d` }
  return [
    {
      about:
        'The cluster. Of one that runs already add spec.backup only; instances and storage are yours to say.\nThis form is deprecated since CloudNativePG 1.26: leave --cnpg-form out for that of the plugin.',
      content: {
        apiVersion: CLUSTER_API,
        kind: 'Cluster',
        metadata: metadata(options.cluster.name, options),
        spec: { ...CLUSTER, backup },
      },
    },
    scheduled(options, { method: 'barmanObjectStore' }),
  ]
}

function scheduled(options: RenderOptions, how: object): Manifest {
  const { name } = options.cluster
  return {
    about: 'A base backup each night. The first field are seconds.',
    content: {
      apiVersion: CLUSTER_API,
      kind: 'ScheduledBackup',
      metadata: metadata(`${name}-nightly`, options),
      spec: { schedule: '0 15 1 * * *', immediate: true, backupOwnerReference: 'self', cluster: { name }, ...how },
    },
  }
}

/** A new Cluster, recovered from the archive of the old one, which stays as it is. */
function recovery(options: RenderOptions, toUs: bigint, barmanObjectStore: object): Manifest {
  const { name } = options.cluster
  const source =
    options.cnpgForm === 'plugin'
      ? { plugin: { name: PLUGIN, parameters: { barmanObjectName: storeName(options), serverName: name } } }
      : { barmanObjectStore: { ...barmanObjectStore, serverName: name } }
  return {
    about:
      'A new cluster as the old one was at that moment, in UTC. It archives nothing: give it a store of its own before it\ntakes the place of the old one. The moment must lie before the last commit in the archive, else it never comes up.',
    content: {
      apiVersion: CLUSTER_API,
      kind: 'Cluster',
      metadata: metadata(`${name}-recovered`, options),
      spec: {
        ...CLUSTER,
        bootstrap: { recovery: { source: name, recoveryTarget: { targetTime: inUtc(toUs) } } },
        externalClusters: [{ name, ...source }],
      },
    },
  }
}

function yamlOf(manifests: readonly Manifest[]): string {
  return manifests
    .map(({ about, content }) => {
      const document = new Document(content, { version: '1.1', aliasDuplicateObjects: false })
      document.commentBefore = about.replace(/^/gm, ' ')
      return document.toString({ lineWidth: 0 })
    })
    .join('---\n')
}

function firstCommands({ cluster: { name }, namespace, s3Secret, s3Region, cnpgForm }: RenderOptions): string {
  const kubectl = shellLine(['kubectl', '-n', namespace])
  return textOf(
    '#!/bin/sh',
    '# The secret is made from files, since others can read a command line; remove them afterwards.',
    'set -eu',
    `${kubectl} create secret generic ${s3Secret} --from-file=ACCESS_KEY_ID=access-key-id --from-file=ACCESS_SECRET_KEY=secret-access-key --from-literal=REGION=${s3Region}`,
    `${kubectl} apply -f cluster.yaml`,
    '# ContinuousArchiving must become True.',
    `${kubectl} wait --for=condition=ContinuousArchiving --timeout=10m cluster/${name}`,
    `${kubectl} get backups`,
    '# How far back a recovery can be.',
    cnpgForm === 'plugin'
      ? `${kubectl} get objectstore ${name}-store -o jsonpath='{.status.serverRecoveryWindow}'`
      : `${kubectl} get cluster ${name} -o jsonpath='{.status.firstRecoverabilityPoint}'`,
  )
}
