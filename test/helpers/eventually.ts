const PATIENCE_MS = 5000;

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
