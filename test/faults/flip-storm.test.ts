/** Many changes at once come out as one clean sequence of generations. */
import { expect, test } from 'vitest';

import { IS_LONG, startWorld } from './fault-world.ts';
import { SteadyLoad } from './steady-load.ts';

const STORM_MS = IS_LONG ? 10_000 : 2_000;
const FLIPS_PER_SECOND = 100;

test('two clients that flip a hundred times a second each, with and without If-Match, leave the ledger clean', async () => {
  const world = await startWorld();
  const load = new SteadyLoad({ port: world.port, clients: 32, ratePerSecond: 300 });
  const generations: number[] = [];
  let refused = 0;
  const storm = async (isConditional: boolean): Promise<void> => {
    const startedAt = performance.now();
    for (let n = 0; performance.now() - startedAt < STORM_MS; n++) {
      const dueAt = startedAt + (n * 1000) / FLIPS_PER_SECOND;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())));
      const path = '/v1/services/app/split';
      const tag = isConditional ? String((await world.admin.must('GET', path)).headers['etag']) : null;
      const weights = n % 2 === 0 ? { green: 100 } : { blue: 100 };
      const answer = await world.admin.call('PUT', path, { weights }, tag === null ? {} : { 'if-match': tag });
      if (answer.status === 412) refused++;
      else generations.push((answer.json as { generation: { after: number } }).generation.after);
    }
  };
  await Promise.all([storm(true), storm(false)]);
  await load.stop();
  const balance = load.ledger.balance([world.blue, world.green]);
  console.log(`flips ${generations.length}, refused 412 ${refused}, requests ${balance.requests}`);
  expect(balance).toMatchObject({ failed: [], lost: [], duplicated: [], wrongPool: [], truncated: [] });
  expect(new Set(generations).size).toBe(generations.length);
  expect(Math.max(...generations) - Math.min(...generations)).toBe(generations.length - 1);
  expect(await world.admin.metric('cutover_ledger_imbalance')).toBe(0);
  expect(await world.admin.metric('cutover_requests_in_flight')).toBe(0);
});
