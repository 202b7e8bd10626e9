import { stat } from 'node:fs/promises'
import { basename, dirname, relative } from 'node:path'
import { printable } from '../domain/printable.js'
import { isWal, roleOf } from './layout.js'
import { lookAt, notRead } from './local-file.js'
import { archiveName, displayPath } from './names.js'
import { reasonOf } from './read-failure.js'
import { emptyListing, type Listed, NO_FILE, PACKED, type Search } from './source.js'
import { walk } from './walk.js'

/**
 * Lists a folder or a file. A file that the user wrote out is read whatever its name, except for sidecars; one that a
 * pattern matched goes by its name.
 * @param literal whether the user wrote out this very path
 */
export async function listPath(path: string, literal: boolean, search: Search): Promise<Listed> {
  // A folder of segments, or a file in one, is seen from the folder of its pod: there its name has a meaning.
  const segments = path.endsWith('.segments')
  const folder = dirname(path)
  try {
    const info = await stat(path)
    if (info.isDirectory()) {
      const root = segments ? folder : path
      const listing = await walk(Buffer.from(path), Buffer.from(segments ? basename(path) : ''), search)
      return { listing, root, fallbackPod: basename(root) || root, passedOver: false }
    }
    const root = folder.endsWith('.segments') ? dirname(folder) : folder
    return await listFile(path, root, literal, info.isFile(), search)
  } catch (error) {
    search.signal?.throwIfAborted()
    const listing = emptyListing()
    const mangled = !literal && path.includes('\ufffd')
    const reason = mangled ? 'its name is not UTF-8: name the folder that holds it' : reasonOf(error)
    listing.unreadable.push({ path: printable(path), reason })
    return { listing, root: folder, fallbackPod: '', passedOver: false }
  }
}

async function listFile(
  path: string,
  root: string,
  literal: boolean,
  isFile: boolean,
  search: Search,
): Promise<Listed> {
  const listing = emptyListing()
  const below = Buffer.from(relative(root, path))
  const role = roleOf(below)
  const fallbackPod = role === 'archive' ? archiveName(path) : basename(root) || root
  const listed = { listing, root, fallbackPod, passedOver: false }
  if (!isFile) {
    listing.warnings.push({ class: 'not_a_file', message: NO_FILE, path: displayPath(below) })
    return listed
  }
  if (role === 'packed') {
    listing.unreadable.push({ path: displayPath(below), reason: PACKED })
    return listed
  }
  const readAs = isWal(role) || role === 'archive' ? role : role === 'other' && literal ? 'legacy' : null
  if (readAs === null) return { ...listed, passedOver: role !== 'other' }
  try {
    const { file, identity } = await search.limit(() => lookAt(Buffer.from(path), below, readAs))
    if (identity !== null && search.seen.has(identity)) listing.repeated++
    else listing.files.push(file)
    if (identity !== null) search.seen.add(identity)
  } catch (error) {
    notRead(error, below, listing)
  }
  if (readAs === 'legacy' && literal && (await isFolder(`${path}.segments`)))
    listing.warnings.push({
      class: 'segments_beside',
      message: 'the segments beside this file are read only where their folder is named, too',
      path: displayPath(below),
    })
  return listed
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  )
}
