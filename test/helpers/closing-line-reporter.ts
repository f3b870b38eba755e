import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';

/**
 * Ends the output of a test run with one plain line for machines: `12 passed, 0 failed` or
 * `12 passed, 0 failed, 3 skipped`.
 *
 * What goes wrong outside of a test (a file that cannot be loaded, a hook of a file, an unhandled error) counts as
 * failed, so that "0 failed" is never said of a run that failed.
 */
export default class ClosingLineReporter implements Reporter {
  #line: string | null = null;
  #watching = false;

  onInit(vitest: Vitest): void {
    this.#watching = vitest.config.watch;
    // Only on exit has everybody else written what they had to: summary, notes on slow teardown, warnings.
    process.once('exit', () => {
      if (this.#line !== null && !this.#watching) process.stdout.write(`${this.#line}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[], reason: string): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') count[state] += 1;
      }
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
    }
    count.failed += unhandledErrors.length;
    if (reason !== 'passed' && count.failed === 0) count.failed = 1;
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    this.#line = `${count.passed} passed, ${count.failed} failed${skipped}`;
  }
}
