import { HeatmapChart } from 'echarts/charts'
import { GridComponent, VisualMapComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { Coverage, TimeWindow } from '../domain/audit.js'
import { printable } from '../domain/printable.js'

use([HeatmapChart, GridComponent, VisualMapComponent, SVGRenderer])

const WIDTH = 1080
const ROW = 26
const AXES = 70
/** More rows than this make no picture. */
const MOST_PODS = 40
const NAME_LETTERS = 24

export const shownPods = ({ pods }: Coverage): number => Math.min(pods.length, MOST_PODS)

/**
 * When the ledger and each pod's WAL hold requests, as an SVG text: a row each, and one for the findings with a time window.
 * The darker a stretch, the more requests, on a logarithmic scale of its row; a stretch without any stays white.
 */
export function coverageChart(coverage: Coverage, findings: readonly TimeWindow[]): string {
  const { fromMs, stepMs, steps } = coverage
  const pods = coverage.pods.slice(0, MOST_PODS)
  const rows = [coverage.ledger, ...pods.map(({ requests }) => requests)]
  const names = ['findings', 'ledger', ...pods.map(({ pod }) => shortened(printable(pod)))]
  const times = Array.from({ length: steps }, (_, i) => label(fromMs + i * stepMs, stepMs))
  const shades = rows.flatMap((requests, row) => {
    const most = Math.log1p(Math.max(...requests))
    return requests.flatMap((n, i) => (n === 0 ? [] : [[i, row + 1, 0.15 + (0.85 * Math.log1p(n)) / most]]))
  })
  const found = times.flatMap((_, i) => {
    const [from, to] = [fromMs + i * stepMs, fromMs + (i + 1) * stepMs]
    return findings.some((window) => window.fromMs < to && window.toMs >= from) ? [[i, 0, 1]] : []
  })
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: names.length * ROW + AXES })
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: 'system-ui, sans-serif' },
      grid: { left: 190, right: 16, top: 8, bottom: AXES - 16 },
      xAxis: { type: 'category', data: times, axisLabel: { rotate: 30 }, splitArea: { show: false } },
      yAxis: { type: 'category', data: names, inverse: true, axisTick: { show: false } },
      visualMap: [
        { show: false, seriesIndex: 0, min: 0, max: 1, inRange: { color: ['#e0ecff', '#1d4ed8'] } },
        { show: false, seriesIndex: 1, min: 0, max: 1, inRange: { color: ['#b91c1c', '#b91c1c'] } },
      ],
      series: [
        { type: 'heatmap', data: shades },
        { type: 'heatmap', data: found },
      ],
    })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}

const label = (ms: number, stepMs: number): string => {
  const text = new Date(ms).toISOString()
  return stepMs < 86_400_000 ? `${text.slice(5, 10)} ${text.slice(11, 16)}` : text.slice(0, 10)
}

const shortened = (name: string): string => (name.length <= NAME_LETTERS ? name : `…${name.slice(1 - NAME_LETTERS)}`)
