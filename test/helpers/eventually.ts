/** For a machine that does much else: where all is well, nobody waits so long. */
const PATIENCE_MS = 20_000;
/** What comes soon is seen soon, and what takes long is not asked for all the time. */
const PAUSE_MS = { from: 10, to: 50 };

/** Until `check` no longer throws; its last error if that takes longer than `patienceMs`. */
export async function eventually<T>(check: () => T | Promise<T>, patienceMs: number = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    const waitedMs = patienceMs - (deadline - performance.now());
    const pauseMs = Math.min(PAUSE_MS.to, Math.max(PAUSE_MS.from, waitedMs / 10));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
