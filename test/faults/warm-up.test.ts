/** What becomes of a change that makes a pool warm when the proxy ends meanwhile. */
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { startWorld, WORKERS } from './fault-world.ts';

test('a pool that was not warm yet when the proxy ended has no traffic when it starts again', async () => {
  const silent = await startRawBackend('silence');
  const world = await startWorld();
  const { app } = world.config.services ?? {};
  await world.admin.must('PUT', '/v1/services/app', {
    ...app,
    pools: { ...app?.pools, silent: { targets: [{ url: silent.url }] } },
    warmUp: { requests: [{ path: '/warm' }], connections: 1, timeout: '60s' },
  });
  const status = world.admin.call('POST', '/v1/services/app/cutovers', { to: 'silent' }).then(
    (answer) => answer.status,
    () => 'no answer',
  );
  await eventually(() => expect(silent.heads).toHaveLength(WORKERS));
  world.proxy.signal('SIGTERM');
  // Refused, or cut off: which of them depends on how far the end has come.
  expect([409, 503, 'no answer']).toContain(await status);
  expect(await world.proxy.exited).toEqual({ code: 0, signal: null });
  await world.start().ready();
  expect((await world.admin.must('GET', '/v1/services/app/split')).json.weights).toEqual({ blue: 100 });
});
