/** How long is waited between attempts, for p-retry: whoever allows longer silences is asked again after longer times, too. */
export const patience = (retries: number, timeoutMs: number) => ({
  retries,
  minTimeout: timeoutMs / 150,
  maxTimeout: timeoutMs / 3,
  factor: 2,
  randomize: true,
})
