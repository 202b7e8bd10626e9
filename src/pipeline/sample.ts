import type { WalFile } from '../domain/wal.js'
import type { Discovery } from '../sources/index.js'

/** Bytes of all files; null where only reading tells. */
export function bytesOf(files: readonly Pick<WalFile, 'bytes'>[]): number | null {
  let sum = 0
  for (const { bytes } of files) {
    if (bytes === null) return null
    sum += bytes
  }
  return sum
}

/**
 * About so many bytes of what was found: whole files, and archives as a whole, from all over the list, so that each pod and
 * each time has its part. All of it where that is no more, or where sizes are not known before reading.
 */
export function sampleOf(discovery: Discovery, wanted: number): Discovery {
  const all = bytesOf(discovery.files)
  if (all === null || all <= wanted) return discovery
  const taken: WalFile[] = []
  let [passed, bytes] = [0, 0]
  for (const unit of unitsOf(discovery.files)) {
    const size = bytesOf(unit) ?? 0
    // As much was taken so far as the share of what has passed, to the middle of this one.
    if (bytes < ((passed + size / 2) * wanted) / all) {
      taken.push(...unit)
      bytes += size
    }
    passed += size
  }
  const files = taken.map((file, index) => ({ ...file, index }))
  return { ...discovery, files, bytes, pods: [...new Set(files.map(({ pod }) => pod))] }
}

/** Files of one archive can only be read with all that stand before them. */
function unitsOf(files: readonly WalFile[]): WalFile[][] {
  const units: WalFile[][] = []
  for (const file of files) {
    const last = units.at(-1)?.[0].locator
    const { members, stored } = file.locator
    if (last !== undefined && members.length > 0 && last.stored === stored) units.at(-1)?.push(file)
    else units.push([file])
  }
  return units
}
