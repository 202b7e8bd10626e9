/** Takes a piece of output; done when more may come. */
export type Write = (text: string) => Promise<void>
