/**
 * What CloudNativePG 1.30 and its Barman Cloud plugin 0.14 take of the fields that are rendered, closed: a field that is
 * not named here is a mistake. Written from their published CRDs, of which `CNPG_CRDS` names a folder where there is one.
 */
type Schema = Record<string, unknown>

const object = (properties: Record<string, Schema>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required: [...required],
  additionalProperties: false,
})
const text: Schema = { type: 'string', minLength: 1 }
const flag: Schema = { type: 'boolean' }
const words = (...of: string[]): Schema => ({ type: 'string', enum: of })
const map: Schema = { type: 'object', additionalProperties: { type: 'string' } }

const key = object({ name: text, key: text }, ['name', 'key'])
const store = (serverName: boolean): Schema =>
  object(
    {
      destinationPath: { type: 'string', pattern: '^s3://' },
      endpointURL: text,
      s3Credentials: object({ accessKeyId: key, secretAccessKey: key, region: key }),
      wal: object({
        compression: words('bzip2', 'gzip', 'lz4', 'snappy', 'xz', 'zstd'),
        encryption: words('AES256', 'aws:kms'),
        maxParallel: { type: 'integer', minimum: 1 },
      }),
      data: object({ compression: words('bzip2', 'gzip', 'lz4', 'snappy'), encryption: words('AES256', 'aws:kms') }),
      ...(serverName ? { serverName: text } : {}),
    },
    ['destinationPath'],
  )
const retentionPolicy: Schema = { type: 'string', pattern: '^[1-9][0-9]*[dwm]$' }
const plugin = object({ name: text, enabled: flag, isWALArchiver: flag, parameters: map }, ['name'])

const manifest = (apiVersion: string, kind: string, spec: Schema): Schema =>
  object(
    {
      apiVersion: { const: apiVersion },
      kind: { const: kind },
      metadata: object({ name: text, namespace: text }, ['name']),
      spec,
    },
    ['apiVersion', 'kind', 'metadata', 'spec'],
  )

/** By kind. */
export const CNPG_SCHEMAS: Readonly<Record<string, Schema>> = {
  // The operator refuses a server's name in the store itself: it would be that of every cluster that uses it.
  ObjectStore: manifest(
    'barmancloud.cnpg.io/v1',
    'ObjectStore',
    object({ configuration: store(false), retentionPolicy }, ['configuration']),
  ),
  Cluster: manifest(
    'postgresql.cnpg.io/v1',
    'Cluster',
    object(
      {
        instances: { type: 'integer', minimum: 1 },
        storage: object({ size: text }),
        backup: object({ barmanObjectStore: store(true), retentionPolicy }),
        plugins: { type: 'array', items: plugin },
        bootstrap: object({ recovery: object({ source: text, recoveryTarget: object({ targetTime: text }) }) }),
        externalClusters: {
          type: 'array',
          items: object({ name: text, barmanObjectStore: store(true), plugin }, ['name']),
        },
      },
      ['instances'],
    ),
  ),
  ScheduledBackup: manifest(
    'postgresql.cnpg.io/v1',
    'ScheduledBackup',
    object(
      {
        schedule: { type: 'string', pattern: '^(\\S+ ){5}\\S+$' },
        immediate: flag,
        backupOwnerReference: words('none', 'self', 'cluster'),
        cluster: object({ name: text }, ['name']),
        method: words('barmanObjectStore', 'volumeSnapshot', 'plugin'),
        pluginConfiguration: object({ name: text, parameters: map }, ['name']),
      },
      ['schedule', 'cluster'],
    ),
  ),
}
