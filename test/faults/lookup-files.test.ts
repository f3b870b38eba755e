/** Files that rules look things up in, on two workers: a change of one reaches both, and those that come later. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { ask } from '../helpers/start-client.ts';
import { makeWorld, WORKERS } from './fault-world.ts';
import { killNow } from './process-view.ts';

/** Files are looked at every two seconds, by a machine that may have other things to do. */
const PATIENCE_MS = 20_000;

test('a file that changes is in force on every worker, with nothing done, and on workers that come later', async () => {
  const world = await makeWorld();
  const file = path.join(path.dirname(world.configFile), 'testers.txt');
  const app = world.config.services?.['app'];
  if (app === undefined) throw new Error('the world has a service "app"');
  const respond = { status: 299, headers: { 'x-tester': 'yes' } };
  const rules = [{ name: 'testers', when: { clientIp: ['testers'] }, respond }];
  writeFileSync(file, '192.0.2.1\n');
  const addressSets = { testers: { file: './testers.txt' } };
  world.write({ ...world.config, addressSets, services: { app: { ...app, rules } } });
  const proxy = world.start();
  await proxy.ready();
  /** Answers of so many new connections, which workers take as it comes. */
  const statuses = async (): Promise<Set<number>> => {
    const answers = await Promise.all(Array.from({ length: 8 * WORKERS }, () => ask(world.port)));
    return new Set(answers.map(({ status }) => status));
  };
  expect(await statuses()).not.toContain(299);

  writeFileSync(file, '192.0.2.1\n127.0.0.0/8\n');
  await eventually(async () => expect(await statuses()).toEqual(new Set([299])), PATIENCE_MS);

  // What cannot be used changes nothing, and is said.
  writeFileSync(file, 'nobody\n');
  await proxy.says('a changed file cannot be used: what it held stays in force');
  for (const { pid } of await world.settledWorkers()) killNow(pid);
  await world.settledWorkers();
  expect(await statuses()).toEqual(new Set([299]));

  proxy.signal('SIGHUP');
  await proxy.says('the configuration was not applied: the one before stays in force');
  expect(proxy.output).toContain('/addressSets/testers/file');
  expect(await statuses()).toEqual(new Set([299]));
});

test('a rule of run time does not outlive the address set that it names, and keeps nobody from starting', async () => {
  const world = await makeWorld();
  const file = path.join(path.dirname(world.configFile), 'testers.txt');
  writeFileSync(file, '127.0.0.0/8\n');
  world.write({ ...world.config, addressSets: { testers: { file: './testers.txt' } } });
  const before = world.start();
  await before.ready();
  const rules = [{ name: 'testers', when: { clientIp: ['testers'] }, respond: { status: 299 } }];
  await world.admin.must('PATCH', '/v1/services/app', { rules }, { 'content-type': 'application/merge-patch+json' });
  expect((await ask(world.port)).status).toBe(299);
  before.signal('SIGTERM');
  await before.exited;

  world.write(world.config);
  const after = world.start();
  await after.ready();
  expect((await ask(world.port)).status).toBe(200);
  await after.says('changes of run time were given up: the file no longer has what they name');
  expect(after.output).toContain('/services/app/rules');
});
