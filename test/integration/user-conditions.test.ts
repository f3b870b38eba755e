/** Rules whose conditions are functions: which requests they send where, and what becomes of them where they fail. */
import { expect, test } from 'vitest';

import type { Condition, When } from '../../src/index.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';

async function startRuled(when: When) {
  const [blue, green] = [await startBackend('blue'), await startBackend('green')];
  const { app } = appService({ blue, green });
  return startProxy({ services: { app: { ...app, rules: [{ name: 'ours', when, pool: 'green' }] } } });
}

const isTester: Condition = (request) =>
  request.cookie('group') === 'test' && request.parameter('v') === '2' && request.clientAddress === '127.0.0.1';

async function versionFor(port: number, path: string, cookie: string): Promise<string | null> {
  return (await ask(port, { path, fields: [['Cookie', cookie]] })).field('x-version');
}

test.each<readonly [string, When]>([
  ['alone', isTester],
  ['beside others', { path: { prefix: '/' }, function: isTester }],
  ['inside of others', { all: [{ any: [() => false, isTester] }, { not: () => false }] }],
])('a function matches %s', async (_where, when) => {
  const { port } = await startRuled(when);
  expect(await versionFor(port, '/?v=2', 'group=test')).toBe('green');
  expect(await versionFor(port, '/?v=3', 'group=test')).toBe('blue');
  expect(await versionFor(port, '/?v=2', 'group=none')).toBe('blue');
});

test.each<readonly [string, (request: unknown) => unknown]>([
  [
    'throws',
    () => {
      throw new Error('boom');
    },
  ],
  ['returns no boolean', () => 1],
  ['is asynchronous', async () => true],
])('one that %s costs its request a 500, and the next one works', async (_what, condition) => {
  const { port, admin } = await startRuled((request) =>
    request.path === '/bad' ? (condition(request) as boolean) : true,
  );
  const client = await startClient(port);
  expect((await client.request({ path: '/bad' })).status).toBe(500);
  expect((await client.request({ path: '/' })).field('x-version')).toBe('green');
  const { text } = await admin.call('GET', '/metrics');
  expect(text).toMatch(/^cutover_requests_refused_total\{[^}]*reason="user_code_failed"\} 1$/m);
  expect(text).toMatch(/^cutover_ledger_imbalance 0$/m);
});
