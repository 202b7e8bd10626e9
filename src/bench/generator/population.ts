import type { Random } from './random.js'

export interface Model {
  readonly name: string
  readonly requestType: string
  /** USD per million tokens. */
  readonly inputPrice: number
  /** USD per million tokens. */
  readonly outputPrice: number
  readonly whPerToken: number
}

export interface Tenant {
  readonly id: string
  readonly keys: readonly string[]
}

/** Who sends requests, and to what. */
export interface Population {
  readonly tenants: readonly Tenant[]
  /** Of the benchmark requests. */
  readonly synthetic: Tenant
  readonly models: readonly Model[]
}

export interface PopulationSize {
  readonly tenants: number
  readonly keysPerTenant: number
  readonly models: number
  /** Least length of a model's name. */
  readonly modelBytes: number
}

const FAMILIES = ['heron', 'plover', 'tern', 'wren', 'avocet', 'curlew', 'dunlin', 'godwit', 'knot', 'sandpiper']
const SIZES = ['3b-instruct', '8b-instruct', '31b-it', '70b-instruct', 'vl-32b', 'coder-14b', 'asr-v3', 'embed-m3']

export function makePopulation(random: Random, size: PopulationSize): Population {
  const tenant = (): Tenant => ({
    id: random.uuid(),
    keys: Array.from({ length: size.keysPerTenant }, () => random.uuid()),
  })
  return {
    tenants: Array.from({ length: size.tenants }, tenant),
    synthetic: tenant(),
    models: Array.from({ length: size.models }, (_, index) => makeModel(random, index, size.modelBytes)),
  }
}

function makeModel(random: Random, index: number, bytes: number): Model {
  const kind = SIZES[(index * 3) % SIZES.length]
  const round = Math.floor(index / FAMILIES.length)
  const name = `${FAMILIES[index % FAMILIES.length]}-${kind}${round === 0 ? '' : `-r${round}`}`
  return {
    name: name.padEnd(bytes, '-preview'),
    requestType: kind.startsWith('embed') ? 'embedding' : kind.startsWith('asr') ? 'audio' : 'chat',
    inputPrice: random.between(5, 300) / 100,
    outputPrice: random.between(20, 1500) / 100,
    whPerToken: random.between(50, 900) / 1e6,
  }
}
