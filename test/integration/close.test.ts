/** How the end of a proxy looks to those who are still connected. */
import { expect, test } from 'vitest';
import { createProxy } from '../../src/index.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { startTimedPlane } from '../helpers/start-timed-plane.ts';

async function startProxy() {
  const backend = await startBackend('v1');
  return createProxy({
    config: {
      listeners: { web: { listen: '127.0.0.1:0' } },
      admin: { listen: '127.0.0.1:0' },
      state: { path: 'memory' },
      services: { app: { pools: { only: { targets: [{ url: backend.url }] } } } },
    },
  });
}

test('a kept connection is closed with the answer that was under way when the end began, and nothing is cut', async () => {
  const proxy = await startProxy();
  const client = await startClient(proxy.listener('web').port);
  const answered = client.request({ path: '/download?bytes=20&piece=1&gap=20' });
  while (client.unfinished === null) await new Promise((resolve) => setTimeout(resolve, 5));
  const startedAt = performance.now();
  expect(await proxy.close({ drainMs: 10_000 })).toEqual({ cut: 0 });
  expect((await answered).body.length).toBe(20);
  expect(await client.ended()).toBe('fin');
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('a connection that never brought a request does not keep a proxy from ending, and nothing is cut', async () => {
  const proxy = await startProxy();
  const unused = await startClient(proxy.listener('web').port);
  const startedAt = performance.now();
  expect(await proxy.close({ drainMs: 9_000 })).toEqual({ cut: 0 });
  expect(await unused.ended()).toBe('fin');
  // Well before the head of its first request would be overdue.
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('a connection that was opened just before the end has its first request answered', async () => {
  const proxy = await startProxy();
  const client = await startClient(proxy.listener('web').port);
  const closed = proxy.close({ drainMs: 9_000 });
  await new Promise((resolve) => setTimeout(resolve, 150));
  const answer = await client.request();
  expect(answer.status).toBe(200);
  expect(answer.field('connection')).toBe('close');
  expect(await closed).toEqual({ cut: 0 });
});

test('what is cut is told so and counted, also on a pool that was deleted meanwhile', async () => {
  const [blue, green] = [await startBackend('blue'), await startBackend('green')];
  const serving = ({ url, version }: Backend): ServiceDocument => ({ pools: { [version]: { targets: [{ url }] } } });
  const plane = await startTimedPlane(serving(blue));
  const answer = ask(plane.port, { path: '/hold' });
  await eventually(() => expect(blue.requests.length).toBe(1));
  await plane.apply(serving(green));
  await plane.apply(serving(green));
  await plane.close();
  expect((await answer).status).toBe(503);
  const { ledger } = await plane.report();
  expect(ledger.map(({ accepted, cut, inFlight }) => [accepted, cut, inFlight])).toContainEqual([1, 1, 0]);
});
