/** Algorithms of user code: what they are asked, what they may answer, and what becomes of requests where they fail. */
import { expect, test } from 'vitest';

import type { Algorithm, AlgorithmFactory, AlgorithmTarget } from '../../src/index.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';

async function startChosen(factory: AlgorithmFactory) {
  const backends = [await startBackend('one'), await startBackend('two')] as const;
  const proxy = await startProxy({
    services: { app: { ...appService({ main: [...backends] }).app, algorithm: { function: factory } } },
  });
  return { ...proxy, backends };
}

const counts = (backends: readonly { readonly requests: readonly unknown[] }[]) =>
  backends.map(({ requests }) => requests.length);

test('it is asked for each request, with the targets that may be chosen and the request', async () => {
  const asked: unknown[] = [];
  const { port, backends, admin } = await startChosen(() => ({
    pick(targets, request) {
      asked.push([targets.map(({ id, weight, inFlight }) => [id, weight, inFlight]), request.header('x-to')]);
      return targets.find(({ id }) => id === request.header('x-to')) ?? (targets[0] as AlgorithmTarget);
    },
  }));
  const [one, two] = backends;
  const client = await startClient(port);
  for (const to of [two.target, two.target, one.target]) await client.request({ fields: [['X-To', to]] });
  expect(counts(backends)).toEqual([1, 2]);
  expect(asked[0]).toEqual([
    [
      [one.target, 1, 0],
      [two.target, 1, 0],
    ],
    two.target,
  ]);

  await admin.must('PATCH', `/v1/services/app/pools/main/targets/${two.target}`, { state: 'maint' });
  await client.request({ fields: [['X-To', two.target]] });
  expect(counts(backends)).toEqual([2, 2]);
});

test('a second try goes to the other target without it', async () => {
  const { port, backends } = await startChosen(() => ({ pick: ([first]) => first as AlgorithmTarget }));
  await backends[0].close();
  expect((await ask(port)).status).toBe(200);
  expect(counts(backends)).toEqual([0, 1]);
});

const failures: readonly (readonly [what: string, factory: () => unknown])[] = [
  [
    'throws',
    () => ({
      pick() {
        throw new Error('boom');
      },
    }),
  ],
  ['is none', () => null],
  [
    'cannot be made',
    () => {
      throw new Error('boom');
    },
  ],
  ['chooses nobody', () => ({ pick: () => undefined })],
  ['chooses one that it made itself', () => ({ pick: ([first]: readonly AlgorithmTarget[]) => ({ ...first }) })],
  ['promises to choose', () => ({ pick: async ([first]: readonly AlgorithmTarget[]) => first })],
  [
    'rejects',
    () => ({
      pick: async () => {
        throw new Error('late');
      },
    }),
  ],
];
test.each(failures)('one that %s costs its requests a 500, and is counted', async (_what, factory) => {
  const { port, backends, admin } = await startChosen(factory as () => Algorithm);
  const client = await startClient(port);
  expect((await client.request()).status).toBe(500);
  expect((await client.request()).status).toBe(500);
  expect(counts(backends)).toEqual([0, 0]);
  const { text } = await admin.call('GET', '/metrics');
  expect(text).toMatch(/^cutover_failures_total\{[^}]*reason="user_code_failed"\} 2$/m);
  expect(text).toMatch(/^cutover_ledger_imbalance 0$/m);
});

test('one that chooses among its own targets of before is refused what has left them', async () => {
  let first: AlgorithmTarget | undefined;
  const { port, backends, admin } = await startChosen(() => ({
    pick(targets) {
      first ??= targets[0];
      return first as AlgorithmTarget;
    },
  }));
  expect((await ask(port)).status).toBe(200);
  await admin.must('PATCH', `/v1/services/app/pools/main/targets/${backends[0].target}`, { state: 'maint' });
  expect((await ask(port)).status).toBe(500);
});
