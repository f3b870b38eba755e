/** Whether user code gave a promise, for which a request cannot wait. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

/** What becomes of a promise that nobody waits for must not end the process. */
export function disregard(promise: PromiseLike<unknown>): void {
  promise.then(ignore, ignore);
}

function ignore(): void {}
