/** What is asked of all workers at once, and what of any one of them. */
import { expect, test } from 'vitest';

import type { Receipt } from '../helpers/admin-client.ts';
import { eventually } from '../helpers/eventually.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { startWorld } from './fault-world.ts';

test('a set of changes flips two services at once on two workers, and counts the drain of each by itself', async () => {
  const world = await startWorld();
  const { app } = world.config.services ?? {};
  if (app === undefined) throw new Error('the world has a service');
  await world.admin.must('PUT', '/v1/services/other', { ...app, match: { hosts: ['other'] } });
  // So many connections that it is not by chance where they are: each worker holds some of each.
  const hold = async (host: string) => (await startClient(world.port)).request({ path: '/hold', host });
  const held = [...Array.from({ length: 8 }, () => hold('app')), ...Array.from({ length: 4 }, () => hold('other'))];
  await eventually(() => expect(world.blue.requests).toHaveLength(12));
  const { json } = await world.admin.must('POST', '/v1/changesets', {
    changes: [
      { method: 'POST', path: '/v1/services/app/cutovers', body: { to: 'green' } },
      { method: 'POST', path: '/v1/services/other/cutovers', body: { to: 'green' } },
    ],
  });
  const receipts = json.receipts as Receipt[];
  expect(receipts.map(({ service, drain, workers }) => [service, drain.inFlightAtFlip, workers.applied])).toEqual([
    ['app', 8, 2],
    ['other', 4, 2],
  ]);
  expect(new Set(receipts.map(({ generation }) => generation.after)).size).toBe(1);
  for (const host of ['app', 'other']) {
    for (let n = 0; n < 10; n++) expect((await ask(world.port, { host })).field('x-version')).toBe('green');
  }
  world.blue.release();
  for (const answer of await Promise.all(held)) expect(answer.field('x-version')).toBe('blue');
  const ended = await Promise.all(receipts.map(({ service, id }) => world.admin.receipt(service, id, 10)));
  expect(ended.map(({ drain }) => [drain.state, drain.completed])).toEqual([
    ['drained', 8],
    ['drained', 4],
  ]);
});

test('a request is explained by a worker that answers, also while another one is stopped', async () => {
  const world = await startWorld();
  const workers = await world.workers();
  const request = { request: { url: 'http://app/' } };
  const before = await world.admin.must('POST', '/v1/explain', request);
  const stopped = workers.find(({ worker }) => worker === before.json.worker);
  process.kill(stopped?.pid ?? 0, 'SIGSTOP');
  try {
    const changes = [{ method: 'POST', path: '/v1/services/app/cutovers', body: { to: 'green' } }];
    const { json } = await world.admin.must('POST', '/v1/explain', { ...request, proposed: { changes } });
    expect(json).toMatchObject({ isProposed: true, pool: { name: 'green' }, refusal: null });
    expect(json.worker).not.toBe(stopped?.worker);
  } finally {
    process.kill(stopped?.pid ?? 0, 'SIGCONT');
  }
  expect((await ask(world.port, { host: 'app' })).field('x-version')).toBe('blue');
});
