/** @import { Random } from './random.js' */

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} requestType
 * @property {number} inputPrice USD per million tokens
 * @property {number} outputPrice USD per million tokens
 * @property {number} whPerToken
 */

/**
 * Who sends requests, and to what.
 * @typedef {object} Population
 * @property {readonly { id: string, keys: readonly string[] }[]} tenants
 * @property {{ id: string, keys: readonly string[] }} synthetic tenant of the benchmark requests
 * @property {readonly Model[]} models
 */

const FAMILIES = ['heron', 'plover', 'tern', 'wren', 'avocet', 'curlew', 'dunlin', 'godwit', 'knot', 'sandpiper']
const SIZES = ['3b-instruct', '8b-instruct', '31b-it', '70b-instruct', 'vl-32b', 'coder-14b', 'asr-v3', 'embed-m3']

/**
 * @param {Random} random
 * @param {{ tenants: number, keysPerTenant: number, models: number, modelBytes: number }} size modelBytes: least length of a model's name
 * @returns {Population}
 */
export function makePopulation(random, size) {
  const tenant = () => ({
    id: random.uuid(),
    keys: Array.from({ length: size.keysPerTenant }, () => random.uuid()),
  })
  return {
    tenants: Array.from({ length: size.tenants }, tenant),
    synthetic: tenant(),
    models: Array.from({ length: size.models }, (_, index) => makeModel(random, index, size.modelBytes)),
  }
}

/** @param {Random} random @param {number} index @param {number} bytes @returns {Model} */
function makeModel(random, index, bytes) {
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
