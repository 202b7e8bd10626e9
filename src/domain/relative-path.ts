/** True for a relative path, its parts joined by `/`, that leads nowhere else: manifests come from outside. */
export function staysInside(path: string): boolean {
  return !path.includes('\0') && path.split('/').every((part) => !['', '.', '..'].includes(part))
}
