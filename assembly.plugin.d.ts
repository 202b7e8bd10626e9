/** See `assembly.plugin.js`. */
export function assembly(): { name: string; enforce: 'pre'; load(id: string): Promise<string | null> }
