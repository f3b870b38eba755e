import { describe, expect, it } from 'vitest';

import { checkListener } from '../../../../src/control/config/check-listener.ts';
import { checkAllClaims, checkClaims } from '../../../../src/control/config/check-claims.ts';
import { checkService } from '../../../../src/control/config/check-service.ts';
import type { ServiceDocument } from '../../../../src/schema/service.ts';

const LISTENERS = {
  web: { listen: '127.0.0.1:8080' },
  inside: { listen: '127.0.0.1:8081', protocol: 'http' },
  pg: { listen: '127.0.0.1:5432', protocol: 'tcp' },
  redis: { listen: '127.0.0.1:6379', protocol: 'tcp' },
};

const DB: ServiceDocument = {
  match: { listeners: ['pg'] },
  pools: { blue: { targets: [{ url: 'tcp://127.0.0.1:5433' }] } },
};

function problemsOf(service: ServiceDocument): (readonly [string, string])[] {
  return checkService('db', service, { listeners: LISTENERS }).map(({ path, message }) => [path, message]);
}

describe('a service of a tcp listener', () => {
  it('has everything that needs no request', () => {
    const service: ServiceDocument = {
      match: { listeners: ['pg', 'redis'] },
      pools: { blue: { targets: [{ url: 'tcp://127.0.0.1:5433', weight: 2, backup: true }] }, green: {} },
      split: { blue: 90, green: 10 },
      algorithm: { name: 'rendezvous', key: 'client-ip' },
      health: { type: 'tcp' },
      ejection: {},
      panicPercent: 50,
      slowStart: {},
      breaker: {},
      rateLimit: { rate: '10/s' },
      pause: {},
      affinity: { key: ['client-ip'] },
      rules: [
        {
          name: 'office',
          when: { clientIp: ['203.0.113.0/24'], not: { time: { hours: '09:00-17:00' } } },
          pool: 'green',
        },
      ],
      retries: { tries: 2, on: ['connect'] },
      timeouts: { connect: '1s', tunnelIdle: '5m', queue: '1s' },
      limits: { inFlightPerTarget: 5, queue: 10 },
      proxyProtocol: 'v2',
    };
    expect(problemsOf(service)).toEqual([]);
  });

  it('is told of everything in it that only HTTP has, each with its reason', () => {
    const service = {
      ...DB,
      match: { listeners: ['pg'], hosts: ['db.example.com'], pathPrefix: '/x' },
      filters: [{ onRequest: { function: './a.ts#b' } }],
      sticky: { cookie: 'c' },
      mirror: { pool: 'blue', percent: 1 },
      warmUp: { requests: [{ path: '/' }] },
      path: { strip: '/x' },
      headers: { hide: [] },
      reverse: {},
      errorPages: {},
      interceptErrors: [],
      buffering: {},
      upgrades: [],
      ambiguousPaths: true,
      upstream: {},
      algorithm: { name: 'rendezvous', key: 'path' },
      affinity: { key: ['cookie:uid', 'client-ip'], issue: { cookie: 'uid' } },
      rateLimit: { rate: '1/s', key: 'header:x' },
      pause: { healthPath: '/up' },
      retries: { on: ['connect', 'reset', 502], budget: {}, backoff: {}, perTryTimeout: '1s', idempotencyKey: true },
      timeouts: { responseHead: '1s', requestBodyIdle: '1s', responseBodyIdle: '1s', total: '1s' },
      limits: { requestBody: '1KiB', responseHead: '1KiB', responseFields: 1 },
      health: {},
    } as unknown as ServiceDocument;
    const problems = problemsOf(service);
    expect(problems.map(([path]) => path)).toEqual([
      '/match/pathPrefix',
      '/filters',
      '/sticky',
      '/mirror',
      '/warmUp',
      '/path',
      '/headers',
      '/reverse',
      '/errorPages',
      '/interceptErrors',
      '/buffering',
      '/upgrades',
      '/ambiguousPaths',
      '/upstream',
      '/affinity/issue',
      '/pause/healthPath',
      '/retries/budget',
      '/retries/backoff',
      '/retries/perTryTimeout',
      '/retries/idempotencyKey',
      '/timeouts/responseHead',
      '/timeouts/requestBodyIdle',
      '/timeouts/responseBodyIdle',
      '/timeouts/total',
      '/limits/requestBody',
      '/limits/responseHead',
      '/limits/responseFields',
      '/affinity/key/0',
      '/rateLimit/key',
      '/algorithm/key',
      '/retries/on/1',
      '/retries/on/2',
      '/health',
    ]);
    expect(problems.filter(([, message]) => message === '')).toEqual([]);
  });

  it('is told of conditions and actions of rules that ask for a request, however deep', () => {
    const when = { any: [{ clientIp: ['10.0.0.0/8'] }, { not: { path: '/x' } }], headers: { host: 'a' } };
    const service = { ...DB, rules: [{ name: 'r', when, respond: { status: 200 } }] } as unknown as ServiceDocument;
    expect(problemsOf(service).map(([path]) => path)).toEqual([
      '/rules/0/respond',
      '/rules/0/when/headers',
      '/rules/0/when/any/1/not/path',
    ]);
  });

  it.each(['tcp', 'http'] as const)('may be checked by %s, if it says so', (type) => {
    expect(problemsOf({ ...DB, health: { type } })).toEqual([]);
  });

  it('is not checked by http where its targets expect a header before that', () => {
    expect(problemsOf({ ...DB, health: { type: 'http' }, proxyProtocol: 'v1' })).toEqual([
      ['/health/type', expect.stringContaining('use tcp')],
    ]);
  });

  it('has targets of its own scheme', () => {
    expect(problemsOf({ ...DB, pools: { blue: { targets: [{ url: 'http://127.0.0.1:3001' }] } } })).toEqual([
      ['/pools/blue/targets/0/url', expect.stringContaining('must use tcp, such as')],
    ]);
  });

  it('is no target of itself', () => {
    expect(problemsOf({ ...DB, pools: { blue: { targets: [{ url: 'tcp://127.0.0.1:6379' }] } } })).toEqual([
      ['/pools/blue/targets/0/url', expect.stringContaining('the listener "redis"')],
    ]);
  });
});

describe('a service of HTTP', () => {
  const SHOP: ServiceDocument = { pools: { blue: { targets: [{ url: 'http://127.0.0.1:3001' }] } } };

  it('may name its listeners, which must exist', () => {
    expect(problemsOf({ ...SHOP, match: { listeners: ['web', 'inside'] } })).toEqual([]);
    expect(problemsOf({ ...SHOP, match: { listeners: ['insde', 'elsewhere'] } })).toEqual([
      ['/match/listeners/0', 'there is no listener "insde"; did you mean "inside"?'],
      ['/match/listeners/1', 'there is no listener "elsewhere"; there are "web", "inside", "pg", "redis"'],
    ]);
  });

  it('tells its targets by fields, and not by a header of bytes', () => {
    expect(problemsOf({ ...SHOP, proxyProtocol: 'v2' })).toEqual([
      ['/proxyProtocol', expect.stringContaining('X-Forwarded-For')],
    ]);
  });

  it('has no targets of tcp', () => {
    expect(problemsOf({ pools: { blue: { targets: [{ url: 'tcp://127.0.0.1:3001' }] } } })).toEqual([
      ['/pools/blue/targets/0/url', expect.stringContaining('match.listeners')],
    ]);
  });

  it('is no service of tcp besides', () => {
    expect(problemsOf({ ...DB, match: { listeners: ['web', 'pg'] } })).toEqual([
      ['/match/listeners/0', expect.stringContaining('speaks http, beside one of tcp')],
    ]);
  });
});

describe('claims', () => {
  const of = (...listeners: string[]): ServiceDocument => ({ match: { listeners }, pools: { only: {} } });
  const cases: readonly [string, ServiceDocument, ServiceDocument, boolean][] = [
    ['of one listener conflict', of('pg'), of('pg'), true],
    ['of listeners that have one in common conflict', of('pg', 'redis'), of('web', 'redis'), true],
    ['of different listeners do not', of('pg'), of('redis'), false],
    ['of a listener and of none do not: the one that names it is asked first', of('web'), of(), false],
    ['of none conflict', of(), of(), true],
  ];
  it.each(cases)('%s', (_name, one, other, isConflict) => {
    const services = { one, other };
    expect(checkClaims('other', other, services).map(({ path }) => path)).toEqual(isConflict ? ['/match'] : []);
    expect(checkAllClaims(services).map(({ path }) => path)).toEqual(isConflict ? ['/other/match'] : []);
  });
});

describe('a tcp listener', () => {
  it('has limits of connections, and none of what is in them', () => {
    const listener = { listen: '127.0.0.1:5432', protocol: 'tcp' } as const;
    const limits = { connections: 5, connectionsPerClient: 1, loopLag: 'none' };
    expect(checkListener({ ...listener, limits })).toEqual([]);
    const wrong = { ...listener, limits: { ...limits, head: '1KiB' }, timeouts: { keepAlive: '1s' } };
    expect(checkListener(wrong).map(({ path }) => path)).toEqual(['/timeouts/keepAlive', '/limits/head']);
    expect(checkListener({ ...wrong, protocol: 'http' })).toEqual([]);
    const proxied = { ...listener, proxyProtocol: true };
    expect(checkListener(proxied)).toEqual([]);
    expect(checkListener({ ...proxied, protocol: 'http' }).map(({ path }) => path)).toEqual(['/proxyProtocol']);
    expect(checkListener({ ...listener, http2: false }).map(({ path }) => path)).toEqual(['/http2']);
    expect(checkListener({ ...listener, protocol: 'http', http2: true })).toEqual([]);
  });
});
