/** Two hex digits of every byte. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Seeded random numbers (sfc32): the same seed gives the same tree on every machine, so no other source of chance is used. */
export class Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  /** @param seed any text; different seeds give unrelated sequences */
  constructor(seed: string | number) {
    const text = String(seed)
    let hash = 2166136261
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619)
    this.a = hash | 0
    this.b = Math.imul(hash, 0x85ebca6b) | 0
    this.c = Math.imul(hash ^ text.length, 0xc2b2ae35) | 0
    for (let i = 0; i < 15; i++) this.u32()
  }

  /** An integer in [0, 2^32). */
  u32(): number {
    const sum = (this.a + this.b + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum
    return sum >>> 0
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.u32() / 4294967296
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1))
  }

  /** True in this share of the calls. */
  chance(share: number): boolean {
    return share > 0 && this.unit() < share
  }

  /** Any one of the list. */
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.unit() * list.length)]
  }

  /** One of the list, the first ones far more often: how traffic spreads over tenants and models. */
  favour<T>(list: readonly T[]): T {
    const unit = this.unit()
    return list[Math.floor(unit * unit * list.length)]
  }

  /** A UUID v4, lower case with hyphens. */
  uuid(): string {
    const a = this.u32()
    const b = this.u32()
    const c = this.u32()
    const d = this.u32()
    return `${word(a)}-${HEX[b >>> 24]}${HEX[(b >>> 16) & 255]}-${HEX[0x40 | ((b >>> 8) & 15)]}${HEX[b & 255]}-${
      HEX[0x80 | ((c >>> 24) & 63)]
    }${HEX[(c >>> 16) & 255]}-${HEX[(c >>> 8) & 255]}${HEX[c & 255]}${word(d)}`
  }
}

/** Eight hex digits. */
function word(value: number): string {
  return HEX[value >>> 24] + HEX[(value >>> 16) & 255] + HEX[(value >>> 8) & 255] + HEX[value & 255]
}
