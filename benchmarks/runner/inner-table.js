/** @import { Inner } from '../inner.js' */
import { aligned, whole } from './text.js'

/** @param {Inner} inner @returns {string} */
export function innerTable({ loops }) {
  return aligned(
    ['', 'rows/s', 'ns/row', '±', 'MB/s'],
    loops.map(({ title, rowsPerSecond, nsPerRow, relativeMargin, bytesPerSecond }) => [
      title,
      whole(rowsPerSecond),
      whole(nsPerRow),
      `${relativeMargin.toFixed(1)} %`,
      whole(bytesPerSecond / 1e6),
    ]),
  )
}
