/** What holds is seen within 10 ms; all else is for a machine that does much beside. */
const PATIENCE_MS = 20_000;

/** Until `check` no longer throws; its last error if that takes longer than `patienceMs`. */
export async function eventually<T>(check: () => T | Promise<T>, patienceMs: number = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
