/** Sums of doubles may differ in their last digits: the order of the additions is the engine's. */
const RELATIVE = 1e-9

/**
 * What the rebuilt ledger and the reports show.
 * @typedef {object} Shown
 * @property {number} exitCode of the first replay
 * @property {Record<string, any>} again JSON document of a second replay of the same files
 * @property {Record<string, any>[]} quarantined entries of the quarantine file
 * @property {Record<string, any>[]} usage
 * @property {Record<string, any>[]} total
 * @property {Record<string, any>[]} dayTenants
 * @property {Record<string, any>[]} rollup
 */

/**
 * Compares with expected.json, point by point.
 * @param {Record<string, any>} expected
 * @param {Shown} shown
 * @returns {string[]} a sentence for each difference
 */
export function differences(expected, shown) {
  /** @type {string[]} */
  const found = []
  /** @param {string} what @param {unknown} wanted @param {unknown} got */
  const compare = (what, wanted, got) => found.push(...difference(what, wanted, got))
  /** @param {string} what @param {Record<string, any>[]} wanted @param {Record<string, any>[]} got */
  const compareRows = (what, wanted, got) => found.push(...rowDifferences(what, wanted, got))

  compare('exit code', expected.exitCode, shown.exitCode)
  const rows = expected.earlierRows + expected.records.inserted
  compareRows('rows and distinct ids of usage', [{ rows, ids: rows }], shown.usage)
  compareRows('sums over usage', [expected.total], shown.total)
  compareRows('usage by day and tenant', expected.dayTenants, shown.dayTenants)
  compareRows('usage_daily', expected.rollup, shown.rollup)

  const { again } = shown
  for (const name of ['pods', 'files', 'bytes']) compare(name, expected.sources[name], again.sources[name])
  for (const [name, count] of Object.entries(expected.lines)) compare(`lines, ${name}`, count, again.lines[name])
  const { inserted, alreadyInLedger } = expected.records
  const repeated = { ...expected.records, inserted: 0, alreadyInLedger: alreadyInLedger + inserted }
  for (const [name, count] of Object.entries(repeated))
    compare(`records of the second replay, ${name}`, count, again.records[name])
  compareRows(
    'unknown fields',
    expected.unknownFields,
    sorted(again.unknownFields, ({ name }) => name),
  )
  compare('rollup', expected.rollupStatus, again.rollup)
  compareRows('quarantine', sorted(expected.rejected, place), sorted(shown.quarantined, place).map(withoutText))
  return found
}

/**
 * Compares rows, one by one, in the columns that were got.
 * @param {string} what
 * @param {Record<string, any>[]} wanted
 * @param {Record<string, any>[]} got
 * @returns {string[]} a sentence for each difference
 */
export function rowDifferences(what, wanted, got) {
  return [
    ...difference(`${what}, number of rows`, wanted.length, got.length),
    ...wanted.flatMap((row, index) =>
      Object.entries(got[index] ?? {}).flatMap(([name, value]) =>
        difference(`${what} ${text(row)}, ${name}`, row[name], value),
      ),
    ),
  ]
}

/** @param {string} what @param {unknown} wanted @param {unknown} got @returns {string[]} none where they are the same */
function difference(what, wanted, got) {
  return same(wanted, got) ? [] : [`${what}: expected ${text(wanted)}, got ${text(got)}`]
}

/** @param {unknown} wanted @param {unknown} got @returns {boolean} */
function same(wanted, got) {
  if (String(wanted) === String(got)) return true
  const [a, b] = [Number(wanted), Number(got)]
  if (Number.isInteger(a) && Number.isInteger(b)) return false
  return Math.abs(a - b) <= RELATIVE * Math.max(Math.abs(a), Math.abs(b))
}

/** What the generator cannot know: how a reason is put into words. @param {Record<string, any>} entry */
function withoutText({ detail, bytes, ...entry }) {
  return entry
}

/** @param {Record<string, any>} entry @returns {string} */
function place({ path, byteOffset }) {
  return `${path} ${String(byteOffset).padStart(12, '0')}`
}

/** @template T @param {T[]} list @param {(entry: T) => string} key @returns {T[]} */
function sorted(list, key) {
  return [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** @param {unknown} value @returns {string} */
function text(value) {
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.values(value).slice(0, 4).join(' ')
}
