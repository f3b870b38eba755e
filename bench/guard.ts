/**
 * Whether a request costs far more than it did: `npm run bench:guard`. Ends with 1 where it does.
 *
 *   --rounds 9            of each
 *   --seconds 1           length of a round
 *   --reference relay     even where nginx is installed
 *   --generator autocannon  even where wrk is installed
 *   --node-flag=--no-opt --node-flag=--no-maglev   flags for the Node of ours, to see that the guard finds a slow proxy
 *
 * Ours and a reference, nginx where it is installed and else the relay, are asked the same in turns, and the ratio of their processor
 * time is compared with the one in guard-ratios.json. No absolute time decides anything, so that slow and busy machines pass.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import { CLIENTS_MAX, type Contender } from './contender.ts';
import { cutoverWith } from './contenders/cutover.ts';
import { nginx } from './contenders/nginx.ts';
import { relay } from './contenders/relay.ts';
import { freePort } from './free-port.ts';
import { type GuardVerdict, judgeRatios } from './guard-verdict.ts';
import { autocannon } from './loads/autocannon.ts';
import { findGenerators } from './loads/find-generator.ts';
import { describeRun } from './machine.ts';
import {
  type Entrant,
  LONG_START_MS_MAX,
  type Measuring,
  type Sample,
  becomesReady,
  measure,
  warmUp,
} from './measure.ts';
import { SMALL_GET } from './scenarios.ts';
import { type Workspace, inWorkspace } from './workspace.ts';

const NOTED = new URL('./guard-ratios.json', import.meta.url);
/** In turn, so that each has its code compiled before the first round. */
const WARM_UPS = 2;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
    reference: { type: 'string' },
    generator: { type: 'string' },
    'node-flag': { type: 'string', multiple: true, default: [] },
  },
});

async function main(workspace: Workspace): Promise<void> {
  const generator = values.generator === autocannon.name ? autocannon : (await findGenerators()).for(SMALL_GET);
  if (generator === null) throw new Error('no program is installed that can make this load');
  const isThere = !('missing' in (await nginx.probe()));
  const reference = isThere && values.reference !== relay.name ? nginx : relay;
  const noted = await notedRatio(reference.name, generator.name);
  console.log(`guard: CPU per request next to ${reference.name}, load by ${generator.name}; ${describeRun()}`);
  const [core, loadCore] = [0, availableParallelism() > 1 ? 1 : 0];
  const { children, folder } = workspace;
  const backendPort = await freePort();
  await startBackend({ children, core: loadCore, port: backendPort, folder });
  const entrants = [
    await start(workspace, cutoverWith(values['node-flag']), core, backendPort),
    await start(workspace, reference, core, backendPort),
  ];
  const seconds = Number(values.seconds);
  const measuring = { children, generator, loadCore, load: SMALL_GET, seconds, settleSeconds: 0, folder };
  conclude(judgeRatios(await takeRatios(entrants, measuring), noted));
}

/** None where the machine does not let anything be measured. That both start at all was seen before. */
async function takeRatios(entrants: readonly Entrant[], measuring: Measuring): Promise<number[]> {
  try {
    for (let time = 0; time < WARM_UPS; time++) for (const entrant of entrants) await warmUp(entrant, measuring);
    const [ours = [], theirs = []] = await measure(entrants, Number(values.rounds), measuring, () => {});
    return ratiosOf(ours, theirs);
  } catch (error) {
    console.log(`guard: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

async function start(
  { children, folder }: Workspace,
  contender: Contender,
  core: number,
  backendPort: number,
): Promise<Entrant> {
  const { name } = contender;
  const own = join(folder, name);
  await mkdir(own);
  const port = await freePort();
  const targets = [`127.0.0.1:${backendPort}`];
  const rest = { clientsMax: CLIENTS_MAX, setting: { entry: 'http' }, certificate: null } as const;
  const child = await contender.start({ children, core, port, targets, folder: own, ...rest });
  const origin = `http://127.0.0.1:${port}`;
  await becomesReady(name, child, `${origin}/`, LONG_START_MS_MAX);
  return { name, child, origin };
}

async function notedRatio(reference: string, generator: string): Promise<number> {
  const noted = JSON.parse(await readFile(NOTED, 'utf8')) as Readonly<Record<string, Readonly<Record<string, number>>>>;
  const ratio = noted[reference]?.[generator];
  if (ratio === undefined) throw new Error(`guard-ratios.json has nothing on ${reference} by ${generator}`);
  return ratio;
}

/** Of the rounds in which nobody failed a request: what was not done cost nothing. */
function ratiosOf(ours: readonly Sample[], theirs: readonly Sample[]): number[] {
  return ours.flatMap((sample, round) => {
    const other = theirs[round];
    if (other === undefined || sample.failed + other.failed > 0) return [];
    return [sample.cpuMicrosPerRequest / other.cpuMicrosPerRequest];
  });
}

function conclude({ kind, why }: GuardVerdict): void {
  const loud = { passed: 'passed', regressed: 'REGRESSED', 'not judged': 'NOT JUDGED' }[kind];
  console.log(`guard: ${loud}: ${why}`);
  if (kind === 'regressed') process.exitCode = 1;
}

await inWorkspace('guard', {}, main);
