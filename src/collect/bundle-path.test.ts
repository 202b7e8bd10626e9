import { describe, expect, it } from 'vitest'
import { bundlePath } from './bundle-path.js'

const at = (pod: string, name: string) => bundlePath({ pod, path: `${pod}/${name}` })

describe('the place of a file in a bundle', () => {
  it('is that of obleth', () => {
    expect(at('eu/router-0', 'telemetry.wal.segments/1-a.jsonl')).toBe('eu/router-0/telemetry.wal.segments/1-a.jsonl')
    expect(at('router-0', 'telemetry.wal.gz')).toBe('router-0/telemetry.wal')
    expect(at('router-0', 'a.jsonl.corrupt.zst')).toBe('router-0/a.jsonl.corrupt')
  })

  it('has a name by which it is read again', () => {
    expect(at('router-0', 'usage')).toBe('router-0/usage.wal')
    expect(at('router-0', 'usage.log')).toBe('router-0/usage.log.wal')
  })

  it('is never a folder of another one', () => {
    for (const [file, folder] of [
      ['x.wal', 'p/x.wal'],
      ['x.wal', 'p/x.wal.offset'],
      ['x.jsonl.corrupt', 'p/x.jsonl.corrupt'],
      ['odd', 'p/odd'],
      ['odd', 'p/odd.wal'],
    ]) {
      const inside = at(folder, 'telemetry.wal')
      for (const own of [at('p', file), `${at('p', file)}.offset`]) expect(inside).not.toMatch(new RegExp(`^${own}/`))
    }
  })

  it('is not one of the bundle itself', () => {
    for (const name of ['json', 'partial', 'lock', 'tmp'])
      expect(at(`obleth-ledger-bundle.${name}`, 'telemetry.wal')).toBe(`obleth-ledger-bundle%2E${name}/telemetry.wal`)
  })

  it.each([
    ['ends of names', 'p'.repeat(300), 'telemetry.wal'],
    ['names that encoding makes long', '\u001b'.repeat(90), 'telemetry.wal'],
    ['characters of four bytes', '🦀'.repeat(90), 'telemetry.wal.segments/1-a.jsonl'],
    ['files', 'p', `${'n'.repeat(251)}.wal`],
    ['folders of segments', 'p', `${'n'.repeat(240)}.segments/1-a.jsonl`],
    ['paths', 'd/'.repeat(1990).slice(0, -1), 'telemetry.wal'],
  ])('fits into every file system, and is its own: %s', (_, pod, name) => {
    const path = at(pod, name)
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(700)
    for (const part of path.split('/')) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(240)
    expect(path).toMatch(/\.(wal|jsonl)$/)
    expect(path.includes('.segments/')).toBe(name.includes('.segments/'))
    // One character further in, where all that is kept is the same.
    const [otherPod, otherName] = pod === 'p' ? [pod, name.replace(/n\./, 'o.')] : [`${pod.slice(0, -2)}xy`, name]
    expect(at(otherPod, otherName)).not.toBe(path)
  })
})
