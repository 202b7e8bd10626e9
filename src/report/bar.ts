import cliProgress from 'cli-progress'

/** A progress bar that comes and goes. */
export interface Bar {
  /** `fraction` 0 to 1, or null for the text alone. */
  show(fraction: number | null, text: string): void
  hide(): void
}

const BAR_CELLS = 24

/** Draws on a terminal. Signals and cursor are left alone: whoever runs the command handles interruption. */
export function createBar(stream: NodeJS.WritableStream & { columns?: number }): Bar {
  let shown = false
  const bar = new cliProgress.SingleBar({
    stream,
    fps: 8,
    barsize: BAR_CELLS,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
    hideCursor: null,
    linewrap: null,
    gracefulExit: false,
    format: (options, { progress }, { known, text }: { known: boolean; text: string }) => {
      const line = known ? `${cliProgress.Format.BarFormat(progress, options)} ${text}` : text
      // A line that wraps could not be redrawn in place.
      return line.slice(0, (stream.columns ?? 80) - 1)
    },
  })
  return {
    show(fraction, text) {
      const payload = { known: fraction !== null, text }
      if (!shown) bar.start(1, fraction ?? 0, payload)
      else bar.update(fraction ?? 0, payload)
      shown = true
    },
    hide() {
      if (shown) bar.stop()
      shown = false
    },
  }
}
