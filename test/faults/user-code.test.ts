/** User code in worker processes: loaded before it is served, refused where it does not load, the same in all of them. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { ask } from '../helpers/start-client.ts';
import { type FaultWorld, makeWorld, WORKERS } from './fault-world.ts';
import { killNow } from './process-view.ts';

const APPLIED = 'the configuration was applied';
const NOT_APPLIED = 'the configuration was not applied: the one before stays in force';

/** A filter that answers with what it is and where it runs. */
const telling = (version: string): string => `
import type { FilterAnswer } from '${path.join(import.meta.dirname, '../../src/index.ts')}';
export function tell(): FilterAnswer {
  return { status: 200, headers: { 'x-pid': String(process.pid) }, body: '${version}' };
}
`;

async function startTelling() {
  const world = await makeWorld();
  const module = path.join(path.dirname(world.configFile), 'filters.ts');
  const filters = [{ onRequest: { function: './filters.ts#tell' } }];
  const app = world.config.services?.['app'];
  if (app === undefined) throw new Error('the world has a service "app"');
  writeFileSync(module, telling('one'));
  world.write({ ...world.config, services: { app: { ...app, filters } } });
  const proxy = world.start();
  await proxy.ready();
  return { world, proxy, edit: (source: string) => writeFileSync(module, source) };
}

/** What each worker says, by asking until all of them have spoken. */
async function told(world: FaultWorld): Promise<string[]> {
  const byPid = new Map<string, string>();
  await eventually(async () => {
    const answer = await ask(world.port);
    byPid.set(answer.field('x-pid') ?? '', answer.body.toString());
    if (byPid.size < WORKERS) throw new Error(`only ${byPid.size} workers have answered`);
  });
  return [...byPid.values()];
}

async function generation(world: FaultWorld): Promise<number> {
  return (await world.admin.must('GET', '/v1/status')).json.generation as number;
}

test('every worker runs it; what does not load changes nothing; what has changed is loaded anew, also by those that come later', async () => {
  const { world, proxy, edit } = await startTelling();
  expect(await told(world)).toEqual(['one', 'one']);
  const before = await generation(world);

  edit('export const tell = 5;');
  proxy.signal('SIGHUP');
  await proxy.says(NOT_APPLIED);
  edit('syntax error');
  proxy.signal('SIGHUP');
  await proxy.says(NOT_APPLIED, 2);
  expect(proxy.output).toContain('/services/app/filters/0/onRequest/function');
  expect(await generation(world)).toBe(before);
  expect(await told(world)).toEqual(['one', 'one']);

  edit(telling('two'));
  proxy.signal('SIGHUP');
  await proxy.says(APPLIED);
  expect(await told(world)).toEqual(['two', 'two']);
  expect(await generation(world)).toBe(before + 1);

  // What the file says by now is not what is in force.
  edit(telling('three'));
  for (const { pid } of await world.settledWorkers()) killNow(pid);
  await world.settledWorkers();
  expect(await told(world)).toEqual(['two', 'two']);
});

test('the admin API can name the functions of the file, and no others', async () => {
  const { world } = await startTelling();
  const service = (await world.admin.must('GET', '/v1/services/app')).json;
  const reference = service.filters[0].onRequest.function as string;
  expect(reference).toMatch(/^\/.*\/filters\.ts\?v=[0-9a-f]{12}#tell$/);

  const foreign = { filters: [{ onRequest: { function: '/tmp/other.ts#tell' } }] };
  const refused = await world.admin.call('PATCH', '/v1/services/app', foreign);
  expect(refused.status).toBe(422);
  const [problem] = refused.json.errors as { pointer: string; detail: string }[];
  expect(problem?.pointer).toBe('/filters/0/onRequest/function');
  expect(problem?.detail).toContain('must be a function that the configuration file names');

  const known = {
    filters: [{ onRequest: { function: reference.replace(/\?v=[0-9a-f]+/, '') } }],
    ambiguousPaths: true,
  };
  await world.admin.must('PATCH', '/v1/services/app', known);
  expect((await world.admin.must('GET', '/v1/services/app')).json.filters).toEqual(service.filters);
  expect(await told(world)).toEqual(['one', 'one']);
});
