import { describe, expect, it } from 'vitest';

import type { ServiceDocument } from '../../../src/schema/service.ts';
import { serviceWithDefaults } from '../../../src/schema/with-defaults.ts';
import { compileService } from '../../../src/snapshot/compile.ts';

function compile(more: Omit<ServiceDocument, 'pools'>) {
  return compileService('shop', serviceWithDefaults({ pools: { main: {} }, ...more }), null, { stickySecret: 's' });
}

describe('what protects targets and clients', () => {
  it('tells the reasons for further tries apart', () => {
    expect(compile({ retries: { tries: 3, on: ['reset', 503, 502], perTryTimeout: '2s' } }).retries).toMatchObject({
      triesMax: 3,
      onConnect: false,
      onReusedConnection: false,
      onReset: true,
      onStatus: [503, 502],
      perTryMs: 2_000,
    });
  });

  it('gives a breaker all of its times', () => {
    expect(compile({ breaker: { per: ['target'] } }).breaker).toEqual({
      ofPool: false,
      ofTarget: true,
      failurePercent: 50,
      minimum: 20,
      windowMs: 10_000,
      openMs: 5_000,
      recoverMs: 10_000,
    });
  });

  it.each([
    [{ rate: '100/s' }, { kind: 'client-ip', name: '', perSecond: 100, burst: 100 }],
    [{ rate: '30/m' }, { perSecond: 0.5, burst: 1 }],
    [
      { rate: '5/s', burst: 50, key: 'header:X-Api-Key' },
      { kind: 'header', name: 'x-api-key', burst: 50 },
    ],
    [
      { rate: '5/s', key: 'cookie:Uid' },
      { kind: 'cookie', name: 'Uid', burst: 5 },
    ],
  ])('reads the rate limit %j', (rateLimit, spec) => {
    expect(compile({ rateLimit }).rateLimit).toMatchObject({ keysMax: 100_000, ...spec });
  });

  it('limits requests in flight only where that was asked for', () => {
    expect(compile({ limits: { queue: 7 } }).admission).toBeNull();
    expect(compile({ limits: { inFlightPerTarget: 9, queue: 7 }, timeouts: { queue: '1s' } }).admission).toEqual({
      targetInFlightMax: 9,
      queueMax: 7,
      queueMs: 1_000,
    });
  });

  it('answers the health check in front by the path of its own, else by that of the checks', () => {
    expect(compile({ pause: {} }).pause).toEqual({
      timeoutMs: 30_000,
      requestsMax: 1_000,
      bytesMax: 16 * 1024 * 1024,
      resumeOverMs: 1_000,
      healthPath: '',
    });
    expect(compile({ pause: {}, health: { path: '/healthz' } }).pause?.healthPath).toBe('/healthz');
    expect(compile({ pause: { healthPath: '/up' }, health: { path: '/healthz' } }).pause?.healthPath).toBe('/up');
  });
});
