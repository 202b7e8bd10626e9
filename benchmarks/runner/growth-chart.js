/** @import { GrowthResult } from './growth-run.js' */
import { LineChart } from 'echarts/charts'
import { GridComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([LineChart, GridComponent, TitleComponent, SVGRenderer])

const WIDTH = 820
const HEIGHT = 300
const COLUMN = { width: 320, top: 40, bottom: 44 }

/**
 * Records per second and peak memory over the number of records, which stand on a logarithmic scale.
 * @param {readonly GrowthResult[]} results those of growing trees
 * @returns {string} SVG
 */
export function growthChart(results) {
  const columns = [
    { title: 'records/s, thousands', left: 60, of: (/** @type {GrowthResult} */ r) => r.recordsPerSecond / 1000 },
    { title: 'peak memory, MiB', left: 470, of: (/** @type {GrowthResult} */ r) => r.peakRssBytes / 2 ** 20 },
  ]
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  try {
    chart.setOption({
      animation: false,
      // Pages are read on dark backgrounds, too.
      backgroundColor: '#ffffff',
      textStyle: { fontFamily: 'system-ui, sans-serif' },
      title: columns.map(({ title, left }) => ({ text: title, left, top: 8, textStyle: { fontSize: 13 } })),
      grid: columns.map(({ left }) => ({ ...COLUMN, left })),
      xAxis: columns.map((_, gridIndex) => ({
        type: 'log',
        gridIndex,
        name: 'records',
        nameLocation: 'middle',
        nameGap: 26,
        axisLabel: { formatter: short },
      })),
      yAxis: columns.map((_, gridIndex) => ({ type: 'value', gridIndex, min: 0 })),
      series: columns.map(({ of }, i) => ({
        type: 'line',
        xAxisIndex: i,
        yAxisIndex: i,
        color: '#1d4ed8',
        symbolSize: 6,
        data: results.map((result) => [result.records, of(result)]),
      })),
    })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}

/** @param {number} records @returns {string} */
function short(records) {
  return records >= 1e6 ? `${records / 1e6} M` : records.toLocaleString('en')
}
