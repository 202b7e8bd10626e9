import picocolors from 'picocolors'

/** The few colours that the reports use, or none; each returns its text. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  warn(text: string): string
  bad(text: string): string
}

export function createStyle(colors: boolean): Style {
  const { bold, dim, green, yellow, red } = picocolors.createColors(colors)
  return { bold, dim, good: green, warn: yellow, bad: red }
}
