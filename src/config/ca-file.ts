import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

const LARGEST_BYTES = 1 << 20
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** The text of a PEM file of one certificate or more, or what is wrong with the file: what is no certificate there, TLS would pass over in silence. */
export function readCaFile(path: string): { pem: string } | { problem: string } {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) return { problem: 'is a directory' }
    if (stat.size > LARGEST_BYTES) return { problem: 'is too large for certificates' }
    const pem = readFileSync(path, 'latin1')
    const certificates = pem.match(CERTIFICATE)
    if (certificates === null) return { problem: 'holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)' }
    const broken = certificates.findIndex((certificate) => !isCertificate(certificate))
    return broken === -1 ? { pem } : { problem: `holds something else as its certificate number ${broken + 1}` }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return { problem: code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown error'})` }
  }
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem)
    return true
  } catch {
    return false
  }
}
