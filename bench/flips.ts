/**
 * What a cutover costs, and what it costs the requests under way: `node bench/flips.ts`.
 *
 *   --services 10000   services configured; one of them is flipped
 *   --flips 1000       cutovers, back and forth
 *   --workers 2
 *   --rate 2000        requests per second that go through meanwhile, by 64 kept connections
 *   --every 0          milliseconds from one cutover to the next; 0: each as soon as the one before was answered
 *
 * Prints the time from a cutover's request to its receipt, the barrier's part of it as the receipt says, and how the
 * requests fared. Every request is answered by the version that was live when it was sent, or the next one.
 */
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import { freePort } from './free-port.ts';
import { describeRun } from './machine.ts';
import { LONG_START_MS_MAX, becomesReady } from './measure.ts';
import { printResult } from './print-result.ts';
import { quantile } from './quantile.ts';
import type { ScriptResult } from './scenario.ts';
import { type Workspace, inWorkspace } from './workspace.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const CONNECTIONS = 64;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    flips: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '2' },
    rate: { type: 'string', default: '2000' },
    every: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
const settings = {
  services: Number(values.services),
  flips: Number(values.flips),
  workers: Number(values.workers),
  rate: Number(values.rate),
  everyMs: Number(values.every),
};
const SHARES = [0.5, 0.9, 0.99, 1];

async function main({ children, folder }: Workspace): Promise<void> {
  const [backendPort, port, adminPort] = [await freePort(), await freePort(), await freePort()];
  await startBackend({ children, core: 0, port: backendPort, folder });
  const file = join(folder, 'cutover.json');
  await writeFile(file, JSON.stringify(configOf(port, adminPort, backendPort, folder)));
  const proxy = await children.start(0, process.execPath, [MAIN, 'run', '--config', file, '--log-level', 'error']);
  await becomesReady('cutover', proxy, `http://127.0.0.1:${adminPort}/readyz`, LONG_START_MS_MAX);
  const load = new SteadyLoad(port, settings.rate);
  const answers: number[] = [];
  const barriers: number[] = [];
  for (let flip = 0; flip < settings.flips; flip++) {
    const startedMs = performance.now();
    const receipt = await cutover(adminPort, flip % 2 === 0 ? 'green' : 'blue');
    answers.push(performance.now() - startedMs);
    barriers.push(receipt.barrierMs);
    await wait(Math.max(0, settings.everyMs - (performance.now() - startedMs)));
  }
  const { sent, failed } = await load.stop();
  const { services, flips, workers } = settings;
  console.log(`${flips} flips of one of ${services} services, ${workers} workers, on ${describeRun()}`);
  console.log(`requests meanwhile: ${sent} sent, ${failed} failed`);
  printResult(resultOf(answers, barriers, sent, failed), values.json);
}

function resultOf(answers: readonly number[], barriers: readonly number[], sent: number, failed: number): ScriptResult {
  const [ofAnswers = [], ofBarriers = []] = [answers, barriers].map((samples) => {
    const sorted = samples.toSorted((a, b) => a - b);
    return SHARES.map((share) => quantile(sorted, share));
  });
  const row = (title: string, numbers: readonly number[]): string[] => [title, ...numbers.map((ms) => ms.toFixed(2))];
  return {
    table: [
      [`of ${settings.flips} cutovers, ${failed} of ${sent} requests failed`, 'p50', 'p90', 'p99', 'max'],
      row('request to receipt, ms', ofAnswers),
      row('barrier, ms', ofBarriers),
    ],
    figures: {
      'answer p99 ms': ofAnswers[2] ?? Number.NaN,
      'barrier p99 ms': ofBarriers[2] ?? Number.NaN,
      'failed requests': failed,
    },
  };
}

function configOf(port: number, adminPort: number, backendPort: number, folder: string): unknown {
  const targets = [{ url: `http://127.0.0.1:${backendPort}` }];
  const pools = { blue: { version: '1', targets }, green: { version: '2', targets } };
  const others = Array.from({ length: settings.services - 1 }, (_, i) => [
    `service-${i}`,
    { match: { hosts: [`s${i}.example.com`] }, pools, split: { blue: 100 } },
  ]);
  return {
    listeners: { web: { listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    state: { path: join(folder, 'state') },
    workers: settings.workers,
    shutdown: { announce: '1ms', drainTimeout: '1s' },
    services: { flipped: { pools, split: { blue: 100 } }, ...Object.fromEntries(others) },
  };
}

/** Requests at a steady rate, whatever the answers take. */
class SteadyLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  #sent = 0;
  #failed = 0;

  constructor(port: number, perSecond: number) {
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - startedMs) / 1000) * perSecond;
      while (this.#sent < due) {
        this.#sent++;
        const one: Promise<void> = this.#send(port).finally(() => this.#open.delete(one));
        this.#open.add(one);
      }
    }, 2);
  }

  #send(port: number): Promise<void> {
    return new Promise((resolve) => {
      const fail = (): void => {
        this.#failed++;
        resolve();
      };
      const outgoing = request({ host: '127.0.0.1', port, agent: this.#agent }, (response) => {
        if (response.statusCode !== 200) this.#failed++;
        response.resume().once('end', resolve).once('error', fail);
      });
      outgoing.once('error', fail).end();
    });
  }

  async stop(): Promise<{ sent: number; failed: number }> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
    return { sent: this.#sent, failed: this.#failed };
  }
}

async function cutover(adminPort: number, to: string): Promise<{ barrierMs: number }> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/v1/services/flipped/cutovers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to }),
  });
  if (!response.ok) throw new Error(`a cutover was refused: ${response.status} ${await response.text()}`);
  return (await response.json()) as { barrierMs: number };
}

await inWorkspace('flips', { pinning: false }, main);
