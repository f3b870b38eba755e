/** A session's cookie is good on every worker, and after the proxy was restarted. */
import { expect, test } from 'vitest';

import { ask } from '../helpers/start-client.ts';
import { makeWorld } from './fault-world.ts';

/** Each on a connection of its own, so that either worker gets some of them. */
const ASKED = 12;

test('sessions stay on their targets on either worker, and through a restart', async () => {
  const world = await makeWorld({ shutdown: { announce: '0s' } });
  const targets = [world.blue, world.green].map(({ url }) => ({ url }));
  world.write({ ...world.config, services: { app: { pools: { only: { targets } }, sticky: { cookie: 'stay' } } } });
  const proxy = world.start();
  await proxy.ready();
  const sessions = await Promise.all(
    Array.from({ length: ASKED }, async () => {
      const response = await ask(world.port);
      return {
        cookie: (response.field('set-cookie') ?? '').split(';')[0] ?? '',
        version: response.field('x-version') ?? '',
      };
    }),
  );
  expect(new Set(sessions.map(({ version }) => version)).size).toBe(2);

  const expectKept = async (): Promise<void> => {
    for (const { cookie, version } of sessions) {
      const response = await ask(world.port, { fields: [['Cookie', cookie]] });
      expect([response.field('x-version'), response.field('set-cookie')]).toEqual([version, null]);
    }
  };
  await expectKept();
  expect(await world.admin.metric('cutover_sticky_total', { service: 'app', result: 'created' })).toBe(ASKED);
  expect(await world.admin.metric('cutover_sticky_total', { service: 'app', result: 'bound' })).toBe(ASKED);

  proxy.signal('SIGTERM');
  expect((await proxy.exited).code).toBe(0);
  await world.start().ready();
  await expectKept();
  expect(await world.admin.metrics('cutover_sticky_total')).toHaveLength(1);
});
