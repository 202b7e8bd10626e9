import manifest from '../../package.json' with { type: 'json' }

/** The version of this package, as documents state it. */
export function toolVersion(): string {
  return manifest.version
}
