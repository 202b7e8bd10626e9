import { expect, test } from 'vitest'
import type { ArchiveTool, RenderOptions } from '../../domain/pitr.js'
import { renderPitr } from './render.js'

const options = (tool: ArchiveTool, given: Partial<RenderOptions> = {}): RenderOptions => ({
  cluster: {
    tool,
    name: 'obleth',
    toolConfig: '/etc/obleth/tool.conf',
    dataDir: '/srv/pg',
    host: '/run/pg',
    port: 5433,
    user: 'postgres',
    programs: undefined,
    timeoutMs: 1000,
  },
  repository: { kind: 's3', bucket: 'obleth-wal', prefix: 'pg/main' },
  encrypted: true,
  s3: { endpoint: 'https://minio.example:9000', pathStyle: true, timeoutMs: 1000 },
  s3Region: 'eu-central-1',
  windowDays: 30,
  namespace: 'obleth',
  s3Secret: 'keys',
  cnpgForm: 'plugin',
  toUs: 1_772_362_800_123_456n,
  ...given,
})

const textOf = (given: RenderOptions, name: string) => renderPitr(given).find((file) => file.name === name)?.text ?? ''

/** Lines that are no comments. */
const settings = (text: string) => text.split('\n').filter((line) => line !== '' && !/^[#;]/.test(line))

test('pgBackRest in a bucket: the store, its encryption, and secrets by name only', () => {
  const text = textOf(options('pgbackrest'), 'pgbackrest.conf')
  expect(settings(text)).toEqual([
    '[global]',
    'repo1-type=s3',
    'repo1-path=/pg/main',
    'repo1-s3-bucket=obleth-wal',
    'repo1-s3-endpoint=minio.example',
    'repo1-storage-port=9000',
    'repo1-s3-region=eu-central-1',
    'repo1-s3-uri-style=path',
    'io-timeout=30',
    'repo1-cipher-type=aes-256-cbc',
    'repo1-retention-full-type=time',
    'repo1-retention-full=30',
    'start-fast=y',
    'log-level-stderr=warn',
    '[obleth]',
    'pg1-path=/srv/pg',
    'pg1-socket-path=/run/pg',
    'pg1-port=5433',
    'pg1-user=postgres',
  ])
  for (const name of ['repo1-s3-key', 'repo1-s3-key-secret', 'repo1-cipher-pass'])
    expect(text).toContain(`#   ${name}=…`)
  expect(textOf(options('pgbackrest'), 'postgresql-archiving.conf')).toContain(
    "archive_command = 'pgbackrest --config=/etc/obleth/tool.conf --config-include-path=/etc/obleth/conf.d --stanza=obleth archive-push %p'",
  )
})

test('Barman in a bucket: the programs of barman-cloud, with the store and its own encryption', () => {
  expect(textOf(options('barman'), 'postgresql-archiving.conf')).toContain(
    "archive_command = 'barman-cloud-wal-archive --endpoint-url https://minio.example:9000 --gzip --encryption AES256 s3://obleth-wal/pg/main obleth %p'",
  )
  expect(textOf(options('barman'), 'first-commands.sh')).toContain("'RECOVERY WINDOW OF 30 DAYS'")
})

test.each(['pgbackrest', 'barman', 'cnpg'] as const)(
  '%s: a recovery has its offset, in UTC, to the microsecond',
  (tool) => {
    const all = renderPitr(options(tool)).map(({ text }) => text)
    expect(all.join('\n')).toMatch(/2026-03-01[T ]11:00:00\.123456(Z|\+00)/)
  },
)

test.each<[string, RenderOptions]>([
  [
    'pgBackRest without TLS',
    options('pgbackrest', { s3: { endpoint: 'http://minio:9000', pathStyle: true, timeoutMs: 1 } }),
  ],
  [
    'pgBackRest from afar',
    options('pgbackrest', { cluster: { ...options('pgbackrest').cluster, host: 'db.example' } }),
  ],
  ['a folder that Barman should encrypt', options('barman', { repository: { kind: 'folder', path: '/srv/b' } })],
  ['a name that Barman keeps', options('barman', { cluster: { ...options('barman').cluster, name: 'all' } })],
])('%s: refused', (_, given) => {
  expect(() => renderPitr(given)).toThrow(expect.objectContaining({ code: 'usage' }))
})
