/**
 * A shadow that is dead, slow or hostile gets a copy of every request, and no client and no live target notices: copies
 * that it does not take are dropped and counted.
 */
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { RequestLedger } from '../helpers/request-ledger.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { expectAccount, outcomesOf, startBroken } from './broken-world.ts';
import { startDeafListener } from './deaf-listener.ts';
import { type Manner, startFaultProxy } from './fault-proxy.ts';
import { pause } from './pause.ts';
import { SteadyLoad } from './steady-load.ts';

const CONCURRENCY = 8;
const RATE_PER_SECOND = 150;
const LOADED_MS = 700;
/** Of a copy. */
const TIMEOUT_MS = 500;

/** What is wrong with the shadow, and what is counted of its copies: why they failed, or why they were dropped. */
const SHADOWS: readonly (readonly [string, Manner | 'refuses' | 'deaf', string])[] = [
  ['refuses connections', 'refuses', 'connect_refused'],
  ['cannot be reached', 'deaf', 'busy'],
  ['never answers', { response: { passes: 0, ending: 'silence' } }, 'busy'],
  ['takes no body', { request: { passes: 400, ending: 'stop-reading' } }, 'busy'],
  ['trickles', { response: { trickle: { bytes: 2, gapMs: 100 } } }, 'busy'],
  ['resets inside of its answers', { response: { passes: 60, ending: 'reset' } }, 'upstream_reset'],
  ['ends before its answers', { response: { passes: 0, ending: 'end' } }, 'upstream_closed'],
  ['ends inside of its answers', { response: { passes: 200, ending: 'end' } }, 'upstream_truncated'],
  ['answers nonsense', { response: { corrupt: { at: 3, xor: 0xff } } }, 'upstream_malformed'],
];

test.each(SHADOWS)('a shadow that %s is felt by nobody', async (_, fault, reason) => {
  const shadow = await startBackend('shadow');
  const between = await startFaultProxy(shadow.port);
  if (fault === 'refuses') await between.refuse();
  else if (fault !== 'deaf') between.manner = fault;
  const port = fault === 'deaf' ? await startDeafListener() : between.port;
  const ledger = new RequestLedger();
  const world = await startBroken({
    ledger,
    morePools: { shadow: { version: 'shadow', targets: [{ url: `http://127.0.0.1:${port}` }] } },
    service: {
      mirror: { pool: 'shadow', unsafeMethods: true, concurrency: CONCURRENCY, timeout: `${TIMEOUT_MS}ms` },
    },
  });
  const load = new SteadyLoad({ port: world.proxy.port, clients: 10, ratePerSecond: RATE_PER_SECOND, ledger });
  await eventually(() => expect(load.requests.length).toBeGreaterThan((RATE_PER_SECOND * LOADED_MS) / 2_000));
  await pause(LOADED_MS / 2);
  await load.stop();

  expect(outcomesOf(world)).toEqual({ old: ledger.entries.size });
  const { admin } = world.proxy;
  await eventually(async () => {
    const failed = await admin.metric('cutover_mirror_failures_total', { reason });
    expect(failed + (await admin.metric('cutover_mirror_dropped_total', { reason }))).toBeGreaterThan(0);
  });
  // Those that were given up may still be ending when others begin.
  expect(hearsOfEnds(fault) ? between.connectionsMost : 0).toBeLessThanOrEqual(2 * CONCURRENCY);
  expect(
    shadow.requests.every(({ fields }) => fields.some(([name]) => name.toLowerCase() === 'x-shadow-request')),
  ).toBe(true);
  const live = world.backends.flatMap(({ requests }) => requests.flatMap(({ fields }) => fields));
  expect(live.filter(([name]) => name.toLowerCase() === 'x-shadow-request')).toEqual([]);
  await expectAccount(world);
});

/** A shadow that does not read does not hear of connections that were given up either. */
function hearsOfEnds(fault: Manner | 'refuses' | 'deaf'): boolean {
  return typeof fault === 'string' || fault.request?.ending !== 'stop-reading';
}
