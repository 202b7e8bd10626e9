const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text from outside as it may stand in a page or in an attribute. */
export const text = (given: string): string => given.replace(/[&<>"']/g, (c) => ENTITIES[c])

/** A table's cell; `html` is safe already. */
export interface Cell {
  readonly html: string
  readonly right?: boolean
}

export const number = (n: bigint): Cell => ({ html: n.toLocaleString('en-US'), right: true })

export function htmlTable(title: string, heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return ''
  const align = (right?: boolean) => (right ? ' class="n"' : '')
  const head = heads.map((name, i) => `<th${align(rows[0][i]?.right)}>${text(name)}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map(({ html, right }) => `<td${align(right)}>${html}</td>`).join('')}</tr>`)
  return `<h2>${text(title)}</h2><div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
}

const STYLE = `
  body { font: 15px/1.45 system-ui, sans-serif; color: #111827; max-width: 1120px; margin: 0 auto; padding: 24px 16px 48px }
  h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere } h2 { font-size: 16px; margin: 28px 0 8px }
  .sub, .foot { color: #4b5563; margin: 2px 0; overflow-wrap: anywhere } .foot { margin-top: 28px; font-size: 13px }
  .due { font-size: 32px; font-weight: 650; margin: 16px 0 0 } a { color: #1d4ed8 }
  .ok { color: #166534 } .findings { background: #fef3c7; border-radius: 6px; padding: 8px 16px; margin: 16px 0 }
  .findings p { margin: 4px 0; font-weight: 600 } .findings ul { margin: 4px 0; padding-left: 20px }
  .finding { border-left: 4px solid #b91c1c; padding: 2px 0 2px 12px; margin: 18px 0; break-inside: avoid }
  .finding.waived { border-color: #9ca3af; color: #4b5563 } .finding p { margin: 3px 0; overflow-wrap: anywhere } code { font-size: 13px; overflow-wrap: anywhere }
  .wide { overflow-x: auto } .wide svg { min-width: 620px; width: 100%; height: auto; display: block }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px }
  th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid #e5e7eb; white-space: nowrap }
  th { color: #4b5563; font-weight: 600 } .n { text-align: right; padding: 5px 0 5px 14px }
  @media (max-width: 640px) { td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 9em } }
  @media print { body { max-width: none; padding: 0 } .wide { overflow: visible } tr, svg { break-inside: avoid } }
`

/** A page that needs nothing from outside and no script, and that a browser would let load neither. */
export function htmlPage(title: string, parts: readonly string[]): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${text(title)}</h1>
${parts.filter((part) => part !== '').join('\n')}
</body>
</html>
`
}
