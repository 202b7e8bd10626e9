import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { renderPitr } from '../../src/backup/pitr/index.js'
import type { RenderOptions } from '../../src/domain/pitr.js'
import { CNPG_SCHEMAS } from '../support/cnpg-schemas.js'

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: Record<string, unknown>
}

/** 2026-03-01T11:00:00.123456Z. */
const TO_US = 1_772_362_800_123_456n

const options = (given: Partial<RenderOptions> = {}): RenderOptions => ({
  cluster: {
    tool: 'cnpg',
    name: 'obleth-pg',
    toolConfig: undefined,
    dataDir: '/var/lib/postgresql/15/main',
    host: '/var/run/postgresql',
    port: 5432,
    user: 'postgres',
    programs: undefined,
    timeoutMs: 1000,
  },
  repository: { kind: 's3', bucket: 'obleth-wal', prefix: 'pg' },
  encrypted: true,
  s3: { endpoint: 'https://minio.example:9000', pathStyle: true, timeoutMs: 1000 },
  s3Region: 'eu-central-1',
  windowDays: 30,
  namespace: 'billing',
  s3Secret: 'wal-keys',
  cnpgForm: 'plugin',
  toUs: TO_US,
  ...given,
})

const manifestsOf = (given: Partial<RenderOptions> = {}): Manifest[] =>
  renderPitr(options(given))
    .filter(({ name }) => name.endsWith('.yaml'))
    .flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS() as Manifest))

const ajv = () =>
  new Ajv({ strict: false, allErrors: true, formats: { int32: true, int64: true, 'date-time': true, byte: true } })

const own = Object.fromEntries(Object.entries(CNPG_SCHEMAS).map(([kind, schema]) => [kind, ajv().compile(schema)]))

/** Validators from the published CRDs in a folder, closed where they allow no unknown fields. */
function published(folder: string): Record<string, ValidateFunction> {
  const crds = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => parse(readFileSync(join(folder, name), 'utf8')))
  return Object.fromEntries(
    crds.map(({ spec }) => [spec.names.kind, ajv().compile(closed(spec.versions[0].schema.openAPIV3Schema))]),
  )
}

function closed(schema: unknown): object {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema as unknown as object
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]))
  const open = 'x-kubernetes-preserve-unknown-fields' in inner || inner.additionalProperties !== undefined
  return 'properties' in inner && !open ? { ...inner, additionalProperties: false } : inner
}

const folder = process.env.CNPG_CRDS
const VALIDATORS: [string, Record<string, ValidateFunction>][] = [['the fields that are known', own]]
// Half a megabyte that belongs to CloudNativePG is not kept here; CONTRIBUTING.md says where it comes from.
if (folder !== undefined) VALIDATORS.push(['the published CRDs', published(folder)])

describe.each(VALIDATORS)('manifests against %s', (_, validators) => {
  const errors = (manifest: Manifest) => {
    const validate = validators[manifest.kind]
    validate(manifest)
    return validate.errors ?? []
  }

  it.each([
    ['plugin', {}],
    ['in-tree', { cnpgForm: 'in-tree' as const }],
    [
      'plugin at AWS, in the bucket itself',
      {
        s3: { endpoint: undefined, pathStyle: false, timeoutMs: 1 },
        encrypted: false,
        repository: { kind: 's3' as const, bucket: 'obleth-wal', prefix: '' },
      },
    ],
  ])('%s: valid', (_name, given) => {
    const manifests = manifestsOf(given)
    expect(manifests.length).toBeGreaterThan(2)
    for (const manifest of manifests) expect([manifest.kind, errors(manifest)]).toEqual([manifest.kind, []])
  })

  it('a field that nobody knows is found', () => {
    const [store, cluster, backup] = manifestsOf() as [Manifest, Manifest, Manifest]
    const spoiled = [
      { ...store, spec: { ...store.spec, retentionPolice: '30d' } },
      { ...cluster, spec: { ...cluster.spec, plugin: [] } },
      { ...backup, spec: { ...backup.spec, scheduled: 'daily' } },
    ]
    for (const manifest of spoiled)
      expect(errors(manifest).map(({ keyword }) => keyword)).toContain('additionalProperties')
  })
})

describe('what the schemas cannot tell', () => {
  it('never both forms in one Cluster', () => {
    for (const cnpgForm of ['plugin', 'in-tree'] as const)
      for (const { spec } of manifestsOf({ cnpgForm })) expect('plugins' in spec && 'backup' in spec).toBe(false)
  })

  it('all of it is in the namespace, and the parts name each other', () => {
    const [store, cluster, backup, recovery] = manifestsOf()
    expect([store, cluster, backup, recovery].map(({ kind, metadata }) => [kind, metadata.namespace])).toEqual([
      ['ObjectStore', 'billing'],
      ['Cluster', 'billing'],
      ['ScheduledBackup', 'billing'],
      ['Cluster', 'billing'],
    ])
    const plugin = { name: 'barman-cloud.cloudnative-pg.io', isWALArchiver: true }
    expect(cluster.spec.plugins).toEqual([{ ...plugin, parameters: { barmanObjectName: store.metadata.name } }])
    expect(backup.spec).toMatchObject({ cluster: { name: 'obleth-pg' }, pluginConfiguration: { name: plugin.name } })
    expect(recovery.spec.externalClusters).toEqual([
      {
        name: 'obleth-pg',
        plugin: { name: plugin.name, parameters: { barmanObjectName: store.metadata.name, serverName: 'obleth-pg' } },
      },
    ])
    expect(recovery.metadata.name).not.toBe(cluster.metadata.name)
  })

  it('the moment of a recovery is a quoted text in UTC, to the microsecond', () => {
    const text = renderPitr(options()).find(({ name }) => name === 'recovery.yaml')?.text
    expect(text).toContain('targetTime: "2026-03-01T11:00:00.123456Z"')
  })

  it('keys are references to a secret, and the commands read them from files', () => {
    const [store] = manifestsOf()
    const { s3Credentials } = store.spec.configuration as { s3Credentials: Record<string, { name: string }> }
    for (const key of Object.values(s3Credentials)) expect(key.name).toBe('wal-keys')
    const script = renderPitr(options()).find(({ name }) => name === 'first-commands.sh')?.text
    expect(script).toMatch(/create secret generic wal-keys .*--from-file=ACCESS_SECRET_KEY=/)
    expect(script).not.toMatch(/from-literal=ACCESS/)
  })

  it.each([
    ['a folder', { repository: { kind: 'folder' as const, path: '/srv/wal' } }],
    ['no bucket', { repository: undefined }],
    ['a name that Kubernetes does not take', { cluster: { ...options().cluster, name: 'Obleth_PG' } }],
  ])('%s: refused', (_, given) => {
    expect(() => renderPitr(options(given))).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})
