import path from 'node:path';
import { defineConfig } from 'vitest/config';
import ClosingLineReporter from './test/helpers/closing-line-reporter.ts';
import LongestFirst from './test/helpers/longest-first.ts';

const NODE_MAJOR_MIN = 24;
const nodeMajor = Number.parseInt(process.versions.node, 10);
if (nodeMajor < NODE_MAJOR_MIN) {
  throw new Error(
    `The tests were started with Node ${process.versions.node}, below ${NODE_MAJOR_MIN}: ` +
      'start them with `npm test` or `npx vitest run`, which take the version from node_modules/.bin.',
  );
}

// The processes that tests start find compiled code of those before them, which is half of what a start costs. A soak
// measures what operators have.
if (process.env['CUTOVER_LONG'] !== '1') {
  process.env['NODE_COMPILE_CACHE'] ??= path.join(import.meta.dirname, 'node_modules/.cache/cutover-tests');
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    // Processes and not threads: tests open sockets, send signals and start workers. They run on the Node of this
    // process. Three at a time, on two cores: many tests wait most of the time, and with more of them timings would depend
    // on the machine.
    pool: 'forks',
    maxWorkers: 3,
    // One process runs many files, one after the other. To load the program anew for each of them took a quarter of the
    // whole run; as its modules hold no state (test/tidy.test.ts), nothing but time is shared by that. A test puts back
    // what it changes of its process.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // For a machine that does much else: what hangs is found all the same.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 10_000,
    expect: { poll: { timeout: 20_000 } },
    reporters: ['default', new ClosingLineReporter()],
  },
});
