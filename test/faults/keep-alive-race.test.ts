/**
 * A target ends a connection that rests at the very moment at which the next request is sent on it. Nobody can prevent
 * that; what may be sent again is, and what may not be is never sent twice.
 */
import { expect, test } from 'vitest';

import { RequestLedger } from '../helpers/request-ledger.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/client-temper.ts';
import { startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { expectProxyAccount } from './broken-world.ts';
import { pause } from './pause.ts';

/** After so long without a request the target ends a connection. */
const TARGET_IDLE_MS = 50;
/** Requests come so long after the one before. */
const GAP_MS = { from: 45, to: 55 };

const REQUESTS = 5_000;
const CLIENTS = 100;

test('a target that ends idle connections just when they are used costs no GET an error, and doubles no POST', async () => {
  const backend = await startBackend('v1', { keepAliveMs: TARGET_IDLE_MS, keepAliveBufferMs: 0 });
  const proxy = await startProxy({ services: appService({ only: backend }) });
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => startClient(proxy.port)));
  const ledger = new RequestLedger();
  // All at once, so that each wave needs every connection to the target that the one before has left.
  for (let wave = 0; wave < REQUESTS / CLIENTS; wave += 1) {
    await Promise.all(
      clients.map(async (client, index) => {
        await pause(GAP_MS.from + ((GAP_MS.to - GAP_MS.from) * index) / CLIENTS);
        const method = (index + wave) % 2 === 0 ? 'GET' : 'POST';
        await ask(client, ledger.begin(method), { method });
      }),
    );
  }

  const { failed, lost, duplicated, wrongPool } = ledger.balance([backend]);
  const ofKind = (ids: readonly string[], kind: string) => ids.filter((id) => id.startsWith(`${kind}-`));
  const resent = await proxy.admin.metric('cutover_retries_total', { reason: 'reused-connection' });
  const opened = backend.connectionsTotal;
  console.log(
    `${ledger.entries.size} requests on ${opened} connections: GET ${ofKind(failed, 'GET').length} failed, ` +
      `${resent} sent again, ${ofKind(duplicated, 'GET').length} seen twice; ` +
      `POST ${ofKind(failed, 'POST').length} failed, ${ofKind(duplicated, 'POST').length} seen twice`,
  );
  expect(ofKind(failed, 'GET')).toEqual([]);
  expect(ofKind(duplicated, 'POST')).toEqual([]);
  expect({ lost, wrongPool }).toEqual({ lost: [], wrongPool: [] });
  expect(ofKind(failed, 'POST').filter((failure) => !failure.endsWith(': status 502'))).toEqual([]);
  // The race was met, and connections were kept for all that.
  expect(resent).toBeGreaterThan(0);
  expect(opened).toBeLessThan(REQUESTS);
  await expectProxyAccount(proxy);
});
