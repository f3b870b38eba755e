/** What protects targets is explained as a request would meet it, and is not used up by the question. */
import { expect, onTestFinished, test } from 'vitest';

import type { Explanation } from '../../src/schema/explain.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';

async function explain({ admin }: TestProxy, url = 'http://app/', proposed?: object): Promise<Explanation> {
  const body = { request: { url }, ...(proposed === undefined ? {} : { proposed }) };
  return (await admin.must('POST', '/v1/explain', body)).json as Explanation;
}

async function startPool(count: number, more: Omit<ServiceDocument, 'pools'>) {
  const backends = await Promise.all(Array.from({ length: count }, (_, i) => startBackend(`t${i}`)));
  const proxy = await startProxy({ services: appService({ only: backends }, more) });
  return { backends, proxy, targets: backends.map(({ target }) => target) };
}

test('a rate that is used up is told, and no question counts', async () => {
  const { proxy } = await startPool(1, { rateLimit: { rate: '1/h', burst: 2 } });
  for (let n = 0; n < 5; n++) expect((await explain(proxy)).refusal).toBeNull();
  expect([(await ask(proxy.port)).status, (await ask(proxy.port)).status]).toEqual([200, 200]);
  expect((await explain(proxy)).refusal).toMatchObject({ code: 'rate_limited', status: 429 });
  expect((await ask(proxy.port)).status).toBe(429);
});

test('a request to a paused service waits, and is told where it goes then', async () => {
  const { proxy, targets } = await startPool(1, { pause: { healthPath: '/up' } });
  const told = await explain(proxy);
  expect([told.wait?.for, told.choice?.target, told.refusal]).toEqual(['pause', targets[0], null]);
  expect((await explain(proxy, 'http://app/up')).refusal).toMatchObject({ code: 'pause_health', status: 200 });
  expect((await ask(proxy.port, { path: '/up' })).status).toBe(200);
});

test('a full target is passed over, then waited for, then the queue is full', async () => {
  const { backends, proxy, targets } = await startPool(2, {
    algorithm: { name: 'rendezvous', key: 'path' },
    limits: { inFlightPerTarget: 1, queue: 1 },
  });
  const held = () => backends.map((backend) => backend.held);
  const first = (await explain(proxy, 'http://app/hold')).choice?.target;
  const answers = [ask(proxy.port, { path: '/hold' })];
  await eventually(() => expect(held().reduce((sum, one) => sum + one, 0)).toBe(1));
  expect(targets[held().indexOf(1)]).toBe(first);

  const second = await explain(proxy, 'http://app/hold');
  expect(second.choice).toMatchObject({ by: 'room', target: targets[held().indexOf(0)] });
  answers.push(ask(proxy.port, { path: '/hold' }));
  await eventually(() => expect(held()).toEqual([1, 1]));

  const third = await explain(proxy, 'http://app/hold');
  expect([third.wait?.for, third.choice?.target]).toEqual(['room', first]);
  answers.push(ask(proxy.port, { path: '/hold' }));
  await eventually(async () => {
    expect((await explain(proxy, 'http://app/hold')).refusal).toMatchObject({ code: 'queue_full', status: 503 });
  });
  expect((await ask(proxy.port, { path: '/hold' })).status).toBe(503);
  const releasing = setInterval(() => backends.forEach((backend) => backend.release()), 20);
  onTestFinished(() => clearInterval(releasing));
  for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
});

test('an open breaker is told: of the pool as a refusal, of a target with the target, also in a proposal', async () => {
  const breaker = { minimum: 2, open: '60s' } as const;
  const fail = async ({ port }: TestProxy, count: number) => {
    for (let n = 0; n < count; n++) await ask(port, { path: '/status?code=503' });
  };
  const ofPool = await startPool(1, { breaker: { ...breaker, per: ['pool'] } });
  await fail(ofPool.proxy, 2);
  expect((await explain(ofPool.proxy)).refusal).toMatchObject({ code: 'breaker_open', status: 503 });
  expect((await ask(ofPool.proxy.port)).status).toBe(503);

  const ofTarget = await startPool(2, { breaker: { ...breaker, per: ['target'] }, algorithm: 'round-robin' });
  await fail(ofTarget.proxy, 3);
  const whys = ({ targets }: Explanation) => targets.map(({ why }) => why).toSorted();
  const expected = ['it may be chosen', 'its circuit breaker is open on this worker'];
  expect(whys(await explain(ofTarget.proxy))).toEqual(expected);
  const changes = [{ method: 'PATCH', path: '/v1/services/app', body: { algorithm: 'random' } }];
  expect(whys(await explain(ofTarget.proxy, 'http://app/', { changes }))).toEqual(expected);
});
