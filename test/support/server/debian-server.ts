import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether Debian's clickhouse-server (18.16, of 2018) is installed. */
export const hasDebianServer = spawnSync('clickhouse-server', ['--version']).error === undefined

/** A user of it that may only read, with the same password. */
export const READER = 'reader'

/** Starts it with a user that may do all, and one that may only read. A real server, for the transport alone: it lacks what a ledger needs. */
export async function startDebianServer(dir: string, user: string, password: string) {
  const [http, tcp] = [await freePort(), await freePort()]
  for (const name of ['data', 'tmp']) mkdirSync(join(dir, name), { recursive: true })
  writeFileSync(
    join(dir, 'config.xml'),
    `<yandex><logger><level>error</level><log>${dir}/log</log><errorlog>${dir}/errors</errorlog></logger>
     <http_port>${http}</http_port><tcp_port>${tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
     <path>${dir}/data/</path><tmp_path>${dir}/tmp/</tmp_path><users_config>users.xml</users_config>
     <default_profile>default</default_profile><default_database>default</default_database>
     <mark_cache_size>67108864</mark_cache_size></yandex>`,
  )
  const userOf = (name: string, profile: string) =>
    `<${name}><password>${password}</password><networks><ip>127.0.0.1</ip></networks><profile>${profile}</profile>
     <quota>default</quota></${name}>`
  writeFileSync(
    join(dir, 'users.xml'),
    `<yandex><profiles><default/><reading><readonly>1</readonly></reading></profiles><quotas><default/></quotas>
     <users>${userOf(user, 'default')}${userOf(READER, 'reading')}</users></yandex>`,
  )
  const child = spawn('clickhouse-server', [`--config-file=${dir}/config.xml`], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${http}`
  for (let i = 0; !(await answers(url)); i++) {
    if (i === 200 || child.exitCode !== null) throw new Error('clickhouse-server does not come up')
    await sleep(50)
  }
  return {
    url,
    async stop() {
      if (child.exitCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ping`)).ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
