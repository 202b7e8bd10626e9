import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { S3Object } from '../domain/wal.js'
import { objectAt, objectsUnder } from '../s3/objects.js'
import { readObject } from '../s3/read.js'
import { parseS3Url } from '../s3/url.js'
import { checkpointNames } from './layout.js'
import { lastComponent } from './names.js'
import { listObjects } from './s3-listing.js'
import type { Listed, Place, Search } from './source.js'

/** Buckets of AWS and of stores that speak its protocol. */
export const s3Place: Place<S3Object> = {
  // As many as fit below the sockets of a client, beside the parts of the one that is read.
  openedAhead: 8,

  async list(argument, search) {
    const { bucket, prefix } = parseS3Url(argument)
    const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
    const listed = [await listFolder(bucket, folder, search)]
    if (folder !== prefix) listed.push(await listKey(bucket, prefix, search))
    const found = listed.filter((one) => one !== null)
    // Else what it begins: `P` of obleth, of which only `P.segments/` is left, or `pods/router-`.
    const begun = found.length > 0 ? null : await listUnder(bucket, prefix, beforeLast(prefix), search)
    if (begun !== null) found.push(begun)
    if (found.length === 0)
      throw new LedgerError('source_not_found', `no objects in ${printable(argument)}`, {
        place: printable(argument),
        hint: 'give the bucket, the prefix that holds the pods, or the key of a WAL file or an archive',
      })
    return { listed: found, unreadable: [] }
  },

  open: readObject,
}

/** @param root beginning of the keys that the paths in the listing go on from */
async function listUnder(bucket: string, prefix: string, root: string, search: Search): Promise<Listed | null> {
  const objects: S3Object[] = []
  for await (const object of objectsUnder(search.s3, bucket, prefix, search.signal)) objects.push(object)
  return objects.length === 0 ? null : listedFrom(bucket, root, objects, search)
}

/** A folder of segments is seen from the folder of its pod: there its name has a meaning. */
function listFolder(bucket: string, folder: string, search: Search): Promise<Listed | null> {
  const root = folder.endsWith('.segments/') ? beforeLast(folder.slice(0, -1)) : folder
  return listUnder(bucket, folder, root, search)
}

/** One object that the user wrote out, with its checkpoint: read whatever its name, except for sidecars. */
async function listKey(bucket: string, key: string, search: Search): Promise<Listed | null> {
  const object = await objectAt(search.s3, bucket, key, search.signal)
  if (object === null) return null
  const folder = beforeLast(key)
  const root = folder.endsWith('.segments/') ? beforeLast(folder.slice(0, -1)) : folder
  const beside: S3Object[] = []
  for (const name of checkpointNames(Buffer.from(key.slice(folder.length)).toString('latin1'))) {
    const at = `${folder}${Buffer.from(name, 'latin1').toString()}`
    const checkpoint = await objectAt(search.s3, bucket, at, search.signal)
    if (checkpoint !== null) beside.push(checkpoint)
  }
  return listedFrom(bucket, root, [object, ...beside], search, key)
}

async function listedFrom(
  bucket: string,
  root: string,
  objects: readonly S3Object[],
  search: Search,
  literal?: string,
): Promise<Listed> {
  const listing = await listObjects(objects, root, literal, search)
  const last = lastComponent(Buffer.from(root.replace(/\/+$/, ''))).toString()
  return { listing, root: `s3://${bucket}/${root}`, fallbackPod: last || bucket, passedOver: literal !== undefined }
}

/** The beginning of a key, up to its last slash. */
const beforeLast = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1)
