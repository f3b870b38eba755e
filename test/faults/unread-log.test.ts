/**
 * The log goes to somebody else's pipe, terminal or disk. Where nobody reads it, where whoever did has gone, and where
 * there is no space, lines are lost and counted; no request, no change and no process is.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { type FaultWorld, makeWorld } from './fault-world.ts';
import { killUnder } from './kill-under.ts';
import { expectClean } from './load-account.ts';
import { pause } from './pause.ts';
import { SteadyLoad } from './steady-load.ts';

const PROGRAM = path.join(import.meta.dirname, '../../src/main.ts');
const DROPPED = 'cutover_process_log_lines_dropped_total';

/** Refused while it runs, with a line of the log and one for each of its problems. */
const BROKEN_CONFIG = JSON.stringify({
  listeners: {},
  services: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`s${index}`, { [`x${'y'.repeat(200)}`]: 1 }])),
});
const RELOADS = 8;
/** One can be lost like any of many. */
const WORKERS = 1;

test('a reader that does not read costs lines, and is told how many once it does', async () => {
  const world = await makeWorld({ workers: WORKERS });
  const { reader, writer } = makeFullPipe(world);
  const program = start(world, writer);
  await expectServing(world, program);
  // Nothing was ever taken: what was held is all there is.
  const dropped = await world.admin.metric(DROPPED);
  const said = await readAll(reader, () => world.admin.call('DELETE', '/v1/services/nobody'));
  expect(said).toContain('"msg":"admin API ready"');
  expect(dropped > 0).toBe(said.includes('log lines were dropped'));
  await expectEnd(program);
});

test('a reader that goes away costs lines and nothing else', async () => {
  const world = await makeWorld({ workers: WORKERS });
  const { reader, writer } = makeFullPipe(world);
  closeSync(reader);
  const program = start(world, writer);
  await expectServing(world, program);
  expect(await world.admin.metric(DROPPED)).toBeGreaterThan(RELOADS);
  await expectEnd(program);
});

test('a disk that is full costs lines and nothing else', async () => {
  const world = await makeWorld({ workers: WORKERS });
  const program = start(world, openSync('/dev/full', 'w'));
  await expectServing(world, program);
  expect(await world.admin.metric(DROPPED)).toBeGreaterThan(RELOADS);
  await expectEnd(program);
});

/** A pipe that has no room left; whoever writes to `writer` waits, if it waits. */
function makeFullPipe({ configFile }: FaultWorld): { reader: number; writer: number } {
  const fifo = `${configFile}.fifo`;
  expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
  const { O_RDWR, O_RDONLY, O_NONBLOCK } = constants;
  const filler = openSync(fifo, O_RDWR | O_NONBLOCK);
  for (const piece of [4_096, 1]) {
    for (let isFull = false; !isFull;) {
      try {
        writeSync(filler, Buffer.alloc(piece, 'f'));
      } catch {
        isFull = true;
      }
    }
  }
  const reader = openSync(fifo, O_RDONLY | O_NONBLOCK);
  const writer = openSync(fifo, 'w');
  closeSync(filler);
  return { reader, writer };
}

/** The program with all that it says, and all that its workers say, going to `output`. */
function start({ configFile }: FaultWorld, output: number) {
  const child = spawn(process.execPath, [PROGRAM, 'run', '--config', configFile], {
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, ended };
}

/** Serves under load while it has much to say, loses a worker and gets another, and flips. */
async function expectServing(world: FaultWorld, { child }: ReturnType<typeof start>): Promise<void> {
  await eventually(async () => expect((await world.admin.call('GET', '/readyz')).status).toBe(200), 50_000);
  const load = new SteadyLoad({ port: world.port, clients: 10, ratePerSecond: 100 });
  world.write(BROKEN_CONFIG);
  for (let count = 0; count < RELOADS; count += 1) {
    child.kill('SIGHUP');
    await pause(50);
  }
  const [worker] = await world.settledWorkers(WORKERS);
  const excused = await killUnder(load, world.port, [worker?.pid ?? 0]);
  // Starting a worker makes what it inherits blocking for all who have it: just then there is much to say, too.
  const talking = setInterval(() => child.kill('SIGHUP'), 50);
  await world.settledWorkers(WORKERS);
  clearInterval(talking);
  const receipt = await world.admin.cutover('app', 'green');
  expect(receipt.workers).toEqual({ total: WORKERS, applied: WORKERS, fenced: 0 });
  await expectClean(load, world, { excused });
  expect(child.exitCode).toBe(null);
}

async function expectEnd({ child, ended }: ReturnType<typeof start>): Promise<void> {
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
}

/** Everything that comes out of a pipe until it says that lines were dropped, while `act` makes it say more. */
async function readAll(reader: number, act: () => Promise<unknown>): Promise<string> {
  const buffer = Buffer.alloc(65_536);
  let said = '';
  let isQuiet = 0;
  while (isQuiet < 10) {
    try {
      const count = readSync(reader, buffer);
      said += buffer.toString('utf8', 0, count);
      isQuiet = 0;
    } catch {
      isQuiet += 1;
      await act();
      await pause(20);
    }
  }
  return said;
}
