/** Listeners that speak TLS, on two workers: what is replaced while clients come and go, and what they notice of it. */
import { describe, expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { startClient } from '../helpers/start-client.ts';
import { TRUSTING } from '../helpers/start-secure-proxy.ts';
import { IS_LONG, WORKERS } from './fault-world.ts';
import { expectClean } from './load-account.ts';
import { killNow } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';
import { greet, issue, startTlsWorld, type TlsWorld } from './tls-world.ts';

/** So many connections that each worker has some of them, but for one time in a million. */
const CONNECTIONS = 10 * WORKERS;

const startLoad = ({ port }: TlsWorld): SteadyLoad =>
  new SteadyLoad({ port, clients: 20, ratePerSecond: 120, tls: TRUSTING });

/** Names of the certificates that new connections are shown. */
async function shown({ port }: TlsWorld): Promise<Set<string>> {
  const greeted = await Promise.all(Array.from({ length: CONNECTIONS }, () => greet(port)));
  return new Set(greeted.map(({ names }) => names));
}

const only = (name: string): Set<string> => new Set([`DNS:localhost, DNS:${name}`]);

async function reload({ proxy }: TlsWorld): Promise<void> {
  const times = proxy.saidTimes('the configuration was applied') + 1;
  proxy.signal('SIGHUP');
  await proxy.says('the configuration was applied', times);
}

async function refusedReload({ proxy }: TlsWorld): Promise<void> {
  const said = 'the configuration was not applied: the one before stays in force';
  const times = proxy.saidTimes(said) + 1;
  proxy.signal('SIGHUP');
  await proxy.says(said, times);
}

test('under load, cutovers, new certificates, new workers and an upgrade cost no request', async () => {
  const world = await startTlsWorld();
  const load = startLoad(world);
  const kept = await startClient(world.port, { tls: TRUSTING });
  const first = await kept.request({ fields: [['X-Test-Id', 'kept']] });
  for (let flip = 1; flip <= (IS_LONG ? 100 : 10); flip++) {
    await world.admin.cutover('app', flip % 2 === 1 ? 'green' : 'blue');
  }
  world.files.write(issue('second.test'));
  await reload(world);
  expect(await shown(world)).toEqual(only('second.test'));
  // Who was there before goes on, on the same connection.
  expect((await kept.request({ fields: [['X-Test-Id', 'kept']] })).status).toBe(first.status);
  await world.admin.must('POST', '/v1/workers/restart');
  expect(await shown(world)).toEqual(only('second.test'));
  const next = world.start({ command: 'upgrade' });
  await next.ready();
  expect(await world.proxy.exited).toEqual({ code: 0, signal: null });
  expect(await shown(world)).toEqual(only('second.test'));
  await expectClean(load, world, { others: ['', 'kept'] });
});

describe('a certificate or key that cannot be used', () => {
  test('changes nothing, is told of with its place, and never shown', async () => {
    const world = await startTlsWorld();
    const { key } = issue('second.test');
    world.files.write({ key });
    await refusedReload(world);
    expect(world.proxy.output).toContain(
      '/listeners/web/tls/certificates/0/key: is not the key of the first certificate',
    );
    expect(await shown(world)).toEqual(only('first.test'));

    world.files.write({ key: 'nothing' });
    const posted = await world.admin.call('POST', '/v1/config', world.config);
    expect(posted.status).toBe(422);
    expect(posted.json.errors).toEqual([expect.objectContaining({ pointer: '/listeners/web/tls/certificates/0/key' })]);
    expect(await shown(world)).toEqual(only('first.test'));

    // Workers that come later are told by the primary, and not by the files.
    for (const { pid } of await world.settledWorkers()) killNow(pid);
    await world.settledWorkers();
    expect(await shown(world)).toEqual(only('first.test'));

    world.files.write(issue('third.test'));
    expect((await world.admin.call('POST', '/v1/config', world.config)).status).toBe(200);
    expect(await shown(world)).toEqual(only('third.test'));
    expect(world.proxy.output).not.toMatch(/PRIVATE KEY|MIGHAgEA/);
  });

  test('keeps the program from starting, and says why', async () => {
    const world = await startTlsWorld();
    world.proxy.signal('SIGTERM');
    await world.proxy.exited;
    world.files.write({ cert: 'nothing' });
    const again = world.start();
    expect((await again.exited).code).toBe(1);
    expect(again.output).toContain('/listeners/web/tls/certificates/0/cert: has no certificate in it (PEM)');
  });
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a session of %s is resumed at every worker, and at those that come later',
  async (maxVersion) => {
    const world = await startTlsWorld();
    const { session } = await greet(world.port, { maxVersion });
    const resumed = async (): Promise<boolean[]> => {
      const greeted = await Promise.all(
        Array.from({ length: CONNECTIONS }, () => greet(world.port, { maxVersion, session })),
      );
      return [...new Set(greeted.map(({ isResumed }) => isResumed))];
    };
    expect(await resumed()).toEqual([true]);
    for (const { pid } of await world.settledWorkers()) killNow(pid);
    await world.settledWorkers();
    expect(await resumed()).toEqual([true]);
    expect(
      await world.admin.metric('cutover_tls_handshakes_total', { listener: 'web', result: 'resumed' }),
    ).toBeGreaterThanOrEqual(CONNECTIONS);
  },
);

test('workers whose primary was killed go on showing what they have, and the next primary shows what the files hold', async () => {
  const world = await startTlsWorld();
  killNow(world.proxy.pid);
  await world.proxy.exited;
  expect(await shown(world)).toEqual(only('first.test'));
  world.files.write(issue('second.test'));
  const next = world.start();
  await next.ready();
  await eventually(async () => expect(await shown(world)).toEqual(only('second.test')), 40_000);
});
