/** Writes so many lines to standard output, as a worker does, and tells its parent how many were dropped. */
import { systemClock } from '../../../src/base/clock.ts';
import { LineFile, STDOUT } from '../../../src/observe/line-file.ts';

const lines = new LineFile(STDOUT, systemClock, 200_000);
for (let n = 0; n < Number(process.argv[2]); n++) lines.write(`{"n":${n},"x":"${'x'.repeat(n % 300)}"}\n`);
await lines.close();
process.send?.({ dropped: lines.dropped });
process.disconnect?.();
