/**
 * What a request costs next to other proxies, in processor time, throughput, latency and memory: `npm run bench`.
 *
 *   --list                  say what there is, and do nothing
 *   --only small-64,h2      these scenarios (default: the usual ones)
 *   --all                   all scenarios
 *   --contenders cutover,nginx   these alone (default: all)
 *   --rounds 3              of each contender in each scenario
 *   --seconds 3             length of a round
 *   --out FOLDER            where results are kept (default: bench/results, of a run that leaves out nothing usual)
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from './certificate.ts';
import { CONTENDERS } from './contenders/all.ts';
import { installed } from './installed.ts';
import { findGenerators } from './loads/find-generator.ts';
import { describeMachine } from './machine.ts';
import { plotsOf } from './report/plots.ts';
import { resultPage } from './report/page.ts';
import { absences, failures } from './report/scenario-table.ts';
import { type Absence, type Results, type ScenarioResults, hasFailed } from './results.ts';
import { type Run, needsOf, runScenario } from './run-scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { type Settings, readSettings } from './settings.ts';
import { type Workspace, inWorkspace } from './workspace.ts';

const RESULTS_FOLDER = fileURLToPath(new URL('./results/', import.meta.url));

await main();

async function main(): Promise<void> {
  const settings = settingsOrNull();
  if (settings === null || !isMachineFit()) {
    process.exitCode = 1;
    return;
  }
  if (settings.isListing) return list();
  await inWorkspace('bench', {}, async (workspace) => publish(settings, await compare(settings, workspace)));
}

function settingsOrNull(): Settings | null {
  try {
    return readSettings(process.argv.slice(2), SCENARIOS, CONTENDERS);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return null;
  }
}

function isMachineFit(): boolean {
  if (platform() === 'linux') return true;
  console.error(`processor time is read from /proc, which ${platform()} does not have: run this on Linux`);
  return false;
}

function list(): void {
  console.log('Scenarios (* usual) and what they need:');
  for (const scenario of SCENARIOS) {
    const needs = scenario.kind === 'load' ? needsOf(scenario) : `bench/${scenario.script}`;
    console.log(`${scenario.isUsual ? '*' : ' '} ${scenario.name.padEnd(16)} ${scenario.title} (${needs})`);
  }
  console.log(`Contenders: ${CONTENDERS.map(({ name }) => name).join(', ')}`);
}

async function compare(settings: Settings, { children, folder }: Workspace): Promise<Results> {
  const { rounds, seconds } = settings;
  const [loadBefore = 0] = loadavg();
  const generators = await findGenerators();
  const { contenders, missing } = await probeAll(settings);
  for (const { name, reason } of missing) console.log(`${name} takes no part: ${reason}`);
  for (const line of generators.missing) console.log(line);
  const run: Run = {
    children,
    folder,
    core: 0,
    loadCore: availableParallelism() > 1 ? 1 : 0,
    rounds,
    seconds,
    generators,
    certificate: await makeCertificate(folder),
    contenders,
    say: (line) => console.log(line),
  };
  const scenarios: ScenarioResults[] = [];
  for (const [index, scenario] of settings.scenarios.entries()) {
    console.log(`${index + 1}/${settings.scenarios.length} ${scenario.name}: ${scenario.title}`);
    const found = await runScenario(run, scenario);
    for (const line of remarks(found)) console.log(`  ${line}`);
    if (hasFailed(found)) process.exitCode = 1;
    scenarios.push(found);
  }
  const conditions = {
    takenAt: new Date().toISOString(),
    machine: await describeMachine(),
    node: process.versions.node,
    backend:
      (await installed('nginx')) === null ? 'a script for Node' : 'nginx, or a script for Node where that cannot do it',
    placement: await describePlacement(),
    seconds,
    rounds,
    loadBefore,
    missingTools: generators.missing,
  };
  return { conditions, scenarios, missing };
}

async function probeAll(settings: Settings): Promise<{ contenders: Run['contenders']; missing: Absence[] }> {
  const contenders: Run['contenders'][number][] = [];
  const missing: Absence[] = [];
  for (const contender of settings.contenders) {
    const probed = await contender.probe();
    if ('missing' in probed) missing.push({ name: contender.name, reason: probed.missing, isFailure: false });
    else contenders.push({ contender, probed });
  }
  return { contenders, missing };
}

function remarks(found: ScenarioResults): string[] {
  if (found.kind === 'skipped') return [`not measured: ${found.reason}`];
  if (found.kind === 'script') return [];
  return [...absences(found.absent), ...failures(found).filter((line) => line !== '')];
}

async function publish({ scenarios, contenders, out }: Settings, results: Results): Promise<void> {
  const plots = plotsOf(results);
  const page = `${resultPage(results, plots).trimEnd()}\n`;
  console.log(`\n${page}`);
  const isWhole =
    contenders.length === CONTENDERS.length && SCENARIOS.every((one) => !one.isUsual || scenarios.includes(one));
  if (out === null && !isWhole) {
    console.log('Not kept: something usual was left out. --out FOLDER keeps the results of any run.');
    return;
  }
  const folder = out ?? RESULTS_FOLDER;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'latest.md'), page);
  await writeFile(join(folder, 'latest.json'), `${JSON.stringify(results, null, 2)}\n`);
  for (const { file, svg } of plots) await writeFile(join(folder, file), svg);
}

async function describePlacement(): Promise<string> {
  if ((await installed('taskset')) === null) return 'taskset is missing: nothing is held to a core.';
  if (availableParallelism() < 2) return 'Contender, load generator and backend share the only core.';
  return 'Each contender is held to a core that nothing else here uses; load generator and backend share another.';
}
