/**
 * Whether the proxy keeps something of each request: its memory over a million of them, `node bench/million.ts`.
 *
 *   --requests 1000000   after the first 200,000, by which it has compiled its code and made its caches
 */
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import { CLIENTS_MAX } from './contender.ts';
import { cutover } from './contenders/cutover.ts';
import { freePort } from './free-port.ts';
import { findGenerators } from './loads/find-generator.ts';
import { describeRun } from './machine.ts';
import { becomesReady } from './measure.ts';
import { printResult } from './print-result.ts';
import { treeUsage } from './process-tree.ts';
import { SMALL_GET } from './scenarios.ts';
import { type Workspace, inWorkspace } from './workspace.ts';

const FIRST_REQUESTS = 200_000;
const SHOWN_EVERY = 100_000;
/** Of each step, after which memory is read. */
const STEP_SECONDS = 3;

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '1000000' }, json: { type: 'boolean', default: false } },
});

async function main({ children, folder }: Workspace): Promise<void> {
  const [backendPort, port] = [await freePort(), await freePort()];
  await startBackend({ children, core: 1, port: backendPort, folder });
  const targets = [`127.0.0.1:${backendPort}`];
  const rest = { clientsMax: CLIENTS_MAX, folder, setting: { entry: 'http' }, certificate: null } as const;
  const child = await cutover.start({ children, core: 0, port, targets, ...rest });
  const origin = `http://127.0.0.1:${port}`;
  await becomesReady('cutover', child, `${origin}/`);
  const generator = (await findGenerators()).for(SMALL_GET);
  if (generator === null) throw new Error('no program is installed that can make this load');

  const seen: { requests: number; mib: number }[] = [];
  let requests = 0;
  const until = async (count: number): Promise<void> => {
    while (requests < count) {
      const task = { load: SMALL_GET, origin, seconds: STEP_SECONDS, children, core: 1, folder };
      const result = await generator.run(task);
      if (result.requests === 0) throw new Error(`nothing is answered any more:\n${child.output()}`);
      requests += result.requests;
      seen.push({ requests, mib: (await treeUsage(child.pid)).residentBytes / 2 ** 20 });
    }
  };
  await until(FIRST_REQUESTS);
  const before = seen.at(-1)?.mib ?? Number.NaN;
  await until(requests + Number(values.requests));
  const after = seen.at(-1)?.mib ?? Number.NaN;
  console.log(`memory by requests answered; ${describeRun()}`);
  const shown = seen.filter(({ requests: one }, index) => isNextHundredThousand(one, seen[index - 1]?.requests ?? 0));
  const rows = shown.map((one) => [one.requests.toLocaleString('en-US'), one.mib.toFixed(1)]);
  printResult(
    { table: [['requests', 'RSS MiB'], ...rows], figures: { 'growth percent': (after / before - 1) * 100 } },
    values.json,
  );
}

/** The first memory that was read after another 100,000 requests. */
function isNextHundredThousand(requests: number, before: number): boolean {
  return Math.floor(requests / SHOWN_EVERY) > Math.floor(before / SHOWN_EVERY);
}

await inWorkspace('million', {}, main);
