/** What one worker finds out about a target, the others need not find out for themselves. */
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { ask } from '../helpers/start-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { startWorld } from './fault-world.ts';

test('a target that fails is out in every worker as soon as one has seen enough of it', async () => {
  const well = await startBackend('well');
  const failing = await startRawBackend({
    response: 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n',
  });
  const targets = [{ url: well.url }, { url: failing.url }];
  const world = await startWorld({
    services: { app: { pools: { only: { targets } }, ejection: { duration: '5m' } } },
  });
  const target = `127.0.0.1:${failing.port}`;
  // Each worker alone would need as many: as soon as one has seen them, the other has not.
  const failed = (): number => failing.requests.length;
  const found = (): Promise<number> => world.admin.metric('cutover_target_ejections_total', { target });
  for (let i = 0; i < 100 && (await found()) === 0; i += 1) await ask(world.port);
  expect(failed()).toBeLessThan(10);
  await eventually(async () => expect(await world.admin.metric('cutover_target_ejected', { target })).toBe(2));
  expect(await found()).toBe(1);

  const before = failed();
  for (let i = 0; i < 20; i += 1) expect((await ask(world.port)).status).toBe(200);
  expect(failed()).toBe(before);
  expect(world.proxy.saidTimes('a target was taken out of balancing for what became of its requests')).toBe(1);
});
