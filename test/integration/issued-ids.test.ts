/** Users whom nobody knows are given an id, and are the same user from the first request on. */
import { expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';

const VISITORS = 60;

async function startIssuing(more: Omit<ServiceDocument, 'pools'> = {}) {
  const [blue, green] = [await startBackend('blue'), await startBackend('green')];
  const affinity = { key: ['header:x-user', 'cookie:uid', 'client-ip'], issue: { cookie: 'uid' } };
  const services = appService({ blue, green }, { split: { blue: 50, green: 50 }, affinity, ...more });
  return { blue, green, proxy: await startProxy({ services }) };
}

test('whoever has no id is given one, of 122 random bits and for a year', async () => {
  const { proxy } = await startIssuing();
  const lines = await Promise.all(
    Array.from({ length: VISITORS }, async () => (await ask(proxy.port)).field('set-cookie') ?? ''),
  );
  for (const line of lines) {
    expect(line).toMatch(/^uid=[0-9a-f-]{36}; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/);
  }
  expect(new Set(lines).size).toBe(VISITORS);
});

test('the request that is given an id is routed by it, and so are all later ones', async () => {
  const { proxy } = await startIssuing();
  const client = await startClient(proxy.port);
  const seen = new Set<string | null>();
  for (let visitor = 0; visitor < VISITORS; visitor += 1) {
    const first = await client.request();
    const cookie = (first.field('set-cookie') ?? '').split(';')[0] ?? '';
    const later = await client.request({ fields: [['Cookie', `theme=dark; ${cookie}`]] });
    expect(later.field('x-version')).toBe(first.field('x-version'));
    expect(later.field('set-cookie')).toBeNull();
    seen.add(first.field('x-version'));
  }
  expect(seen).toEqual(new Set(['blue', 'green']));
});

test.each<[what: string, fields: readonly (readonly [string, string])[]]>([
  ['by a key before it', [['X-User', 'ada']]],
  ['by the cookie itself', [['Cookie', 'uid=whatever-the-application-chose']]],
])('who is known %s is given none', async (_, fields) => {
  const { proxy } = await startIssuing();
  expect((await ask(proxy.port, { fields })).field('set-cookie')).toBeNull();
});

test('an empty cookie is as good as none', async () => {
  const { proxy } = await startIssuing();
  expect((await ask(proxy.port, { fields: [['Cookie', 'uid=']] })).field('set-cookie')).toMatch(/^uid=[0-9a-f-]{36};/);
});

test('ids are given out before the first share moves, so that nobody who has one moves back', async () => {
  const { proxy } = await startIssuing({ split: { blue: 100 } });
  const client = await startClient(proxy.port);
  const cookies: string[] = [];
  for (let visitor = 0; visitor < VISITORS; visitor += 1) {
    cookies.push(((await client.request()).field('set-cookie') ?? '').split(';')[0] ?? '');
  }
  expect(cookies.filter((cookie) => cookie.startsWith('uid='))).toHaveLength(VISITORS);
  let before = new Set<string>();
  for (const green of [5, 20, 50, 100]) {
    await proxy.admin.split('app', { blue: 100 - green, green });
    const after = new Set<string>();
    for (const cookie of cookies) {
      const response = await client.request({ fields: [['Cookie', cookie]] });
      if (response.field('x-version') === 'green') after.add(cookie);
    }
    expect([...before].filter((cookie) => !after.has(cookie))).toEqual([]);
    before = after;
  }
  expect(before.size).toBe(VISITORS);
});

test('the target sees the request as the client sent it, and may set cookies of its own', async () => {
  const { blue, proxy } = await startIssuing({ split: { blue: 100 }, sticky: { cookie: 'stay' } });
  const response = await ask(proxy.port, { fields: [['X-Test-Id', 'one']] });
  expect(blue.find('one')?.fields.some(([name]) => name.toLowerCase() === 'cookie')).toBe(false);
  const set = response.message.fields.filter(([name]) => name.toLowerCase() === 'set-cookie');
  expect(set.map(([, value]) => value.split('=')[0])).toEqual(['uid', 'stay']);
});

test('nobody is given an id where a rule has chosen the pool', async () => {
  const rules = [{ name: 'testers', when: { headers: { 'x-group': 'beta' } }, pool: 'green' }];
  const { proxy } = await startIssuing({ rules });
  const response = await ask(proxy.port, { fields: [['X-Group', 'beta']] });
  expect([response.field('x-version'), response.field('set-cookie')]).toEqual(['green', null]);
});

test('an id is given also by the target that a request comes to after another could not be reached', async () => {
  const [gone, there] = [await startBackend('gone'), await startBackend('there')];
  const targets = [gone, there].map(({ url }) => ({ url }));
  const affinity = { key: ['cookie:uid'], issue: { cookie: 'uid' } };
  const app: ServiceDocument = { pools: { only: { targets } }, affinity, sticky: { cookie: 'stay' } };
  const proxy = await startProxy({ services: { app } });
  await gone.close();
  const client = await startClient(proxy.port);
  for (let visitor = 0; visitor < 4; visitor += 1) {
    const response = await client.request();
    expect(response.field('x-version')).toBe('there');
    expect(response.field('set-cookie')).toMatch(/^uid=/);
  }
  expect(await proxy.admin.metric('cutover_retries_total', { service: 'app', reason: 'connect' })).toBeGreaterThan(0);
});
