import { BarChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, GridComponent, SVGRenderer])

const WIDTH = 880
const HEIGHT = 260

/** Bars of USD per day as an SVG text; labels are days and numbers of ours alone. Amounts are the nearest doubles. */
export function costChart(days: readonly { readonly day: string; readonly usd: number }[]): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: 'system-ui, sans-serif' },
      grid: { left: 8, right: 8, top: 28, bottom: 8 },
      xAxis: { type: 'category', data: days.map(({ day }) => day), axisTick: { show: false } },
      yAxis: { type: 'value', name: 'USD', splitLine: { lineStyle: { color: '#e5e7eb' } } },
      series: [{ type: 'bar', data: days.map(({ usd }) => usd), itemStyle: { color: '#2563eb' }, barMaxWidth: 36 }],
    })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}
