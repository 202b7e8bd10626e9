/** Runs a task when there is room among those in flight (p-limit). */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>
