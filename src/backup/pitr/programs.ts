import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'

/** Where packages of Debian and of PostgreSQL's own repository for RHEL put the programs of a major version. */
const FOLDERS = (major: string) => [`/usr/lib/postgresql/${major}/bin`, `/usr/pgsql-${major}/bin`]

/** A program of PostgreSQL, of the major version that the cluster has; by its bare name where it must be in PATH. */
export async function postgresProgram(name: string, major: string, folder: string | undefined): Promise<string> {
  if (folder !== undefined) return join(folder, name)
  for (const candidate of FOLDERS(major).map((usual) => join(usual, name))) {
    const usable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (usable) return candidate
  }
  return name
}
