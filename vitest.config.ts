import { defineConfig } from 'vitest/config';
import ClosingLineReporter from './test/helpers/closing-line-reporter.ts';

const NODE_MAJOR_MIN = 24;
const nodeMajor = Number.parseInt(process.versions.node, 10);
if (nodeMajor < NODE_MAJOR_MIN) {
  throw new Error(
    `The tests were started with Node ${process.versions.node}, below ${NODE_MAJOR_MIN}: ` +
      'start them with `npm test` or `npx vitest run`, which take the version from node_modules/.bin.',
  );
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
    // For a machine that does much else: what hangs is found all the same.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    reporters: ['default', new ClosingLineReporter()],
  },
});
