import { describe, expect, it } from 'vitest';

import type { ServiceDocument } from '../../../src/schema/service.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../../src/snapshot/compile.ts';
import type { ServiceSpec } from '../../../src/snapshot/types.ts';

const TWO_POOLS: ServiceDocument = {
  pools: {
    blue: {
      version: '1.4.0',
      targets: [{ url: 'http://127.0.0.1:3001', weight: 3, zone: 'a', backup: false, state: 'drain' }],
    },
    green: { targets: [{ url: 'http://App.Internal' }, { url: 'http://[2001:DB8::1]:3002/' }] },
  },
  split: { blue: 99.99, green: 0.01 },
};

function compile(service: ServiceDocument, previous: ServiceSpec | null = null): ServiceSpec {
  return compileService('shop', serviceWithDefaults(service), previous, { stickySecret: 'made by the program' });
}

describe('a compiled service', () => {
  it('keeps of messages what it is told to, and nothing else', () => {
    const compiled = (buffering: NonNullable<ServiceDocument['buffering']>) =>
      compile({ pools: { main: {} }, buffering }).buffering;
    expect(compiled({})).toBeNull();
    expect(compiled({ request: {} })).toEqual({
      request: { memoryBytesMax: 65_536, diskBytesMax: 10_485_760 },
      response: null,
    });
    expect(compiled({ response: { memory: '1KiB', disk: '0B' } })).toEqual({
      request: null,
      response: { memoryBytesMax: 1024, diskBytesMax: 0 },
    });
  });

  it('has every unit spelt out when the document gives nothing but a pool', () => {
    expect(compile({ pools: { main: {} } })).toEqual({
      name: 'shop',
      match: { listeners: [], hosts: [], pathPrefix: '/' },
      pools: [{ name: 'main', version: '', targets: [] }],
      slots: [{ pool: 'main', from: 0, to: 10_000 }],
      algorithm: { name: 'round-robin', function: null, key: null, decayMs: 10_000, zone: null },
      rules: [],
      filters: [],
      modules: [],
      affinity: { keys: [], salt: 'shop', issue: null },
      sticky: null,
      mirror: null,
      retries: {
        triesMax: 1,
        onConnect: true,
        onReusedConnection: true,
        onReset: false,
        onStatus: [],
        budgetPercent: 20,
        budgetMin: 3,
        perTryMs: 0,
        backoffBaseMs: 25,
        backoffMaxMs: 250,
        idempotencyKey: false,
      },
      breaker: null,
      ejection: null,
      panicPercent: 0,
      slowStart: null,
      rateLimit: null,
      admission: null,
      pause: null,
      shape: {
        stripPrefix: '',
        addPrefix: '',
        host: '',
        request: null,
        response: {
          drop: ['server', 'x-aspnet-version', 'x-aspnetmvc-version', 'x-generator', 'x-powered-by', 'x-runtime'],
          lines: [],
        },
        reverse: { locations: true, cookies: true, names: [] },
        errorPages: [],
        intercepted: [],
      },
      timeouts: {
        connectMs: 2_000,
        responseHeadMs: 30_000,
        requestBodyIdleMs: 30_000,
        responseBodyIdleMs: 60_000,
        tunnelIdleMs: 3_600_000,
        totalMs: 0,
      },
      limits: { requestBodyBytesMax: 0, responseHeadBytesMax: 65_536, responseFieldsMax: 256 },
      upstream: { idleConnectionsMax: 256, idleTimeoutMs: 4_000 },
      proxyProtocol: null,
      upgrades: ['websocket'],
      buffering: null,
      accessLog: true,
      ambiguousPaths: false,
    });
  });

  it('calls targets by host and port, in lower case, IPv6 in brackets, 80 where no port was given', () => {
    expect(compile(TWO_POOLS).pools).toEqual([
      {
        name: 'blue',
        version: '1.4.0',
        targets: [
          { id: '127.0.0.1:3001', host: '127.0.0.1', port: 3001, weight: 3, zone: 'a', backup: false, state: 'drain' },
        ],
      },
      {
        name: 'green',
        version: '',
        targets: [
          { id: 'app.internal:80', host: 'app.internal', port: 80, weight: 1, zone: '', backup: false, state: 'ready' },
          {
            id: '[2001:db8::1]:3002',
            host: '2001:db8::1',
            port: 3002,
            weight: 1,
            zone: '',
            backup: false,
            state: 'ready',
          },
        ],
      },
    ]);
  });

  it('gives a share of 0.01 % one slot of its own', () => {
    expect(compile(TWO_POOLS).slots).toEqual([
      { pool: 'blue', from: 0, to: 9_999 },
      { pool: 'green', from: 9_999, to: 10_000 },
    ]);
  });

  it('moves no more slots of the one before than the new split demands', () => {
    const before = compile({ ...TWO_POOLS, split: { blue: 50, green: 50 } });
    const after = compile({ ...TWO_POOLS, split: { blue: 40, green: 60 } }, before);
    expect(after.slots).toEqual([
      { pool: 'blue', from: 0, to: 4_000 },
      { pool: 'green', from: 4_000, to: 10_000 },
    ]);
    expect(compile({ ...TWO_POOLS, split: { blue: 50, green: 50 } }, after).slots).toEqual(before.slots);
  });

  it('carries rules, affinity, mirror, sticky cookie and limits over in its own units', () => {
    const spec = compile({
      ...TWO_POOLS,
      match: { hosts: ['*.example.com'], pathPrefix: '/api/' },
      rules: [{ name: 'testers', when: { headers: { 'x-group': 'beta' }, clientIp: ['10.0.0.0/8'] }, pool: 'green' }],
      affinity: { key: ['cookie:UID', 'header:X-User', 'client-ip'], salt: 'spring' },
      sticky: { cookie: 'at' },
      mirror: {
        pool: 'green',
        percent: 12.5,
        when: { path: { prefix: '/search' } },
        credentials: 'strip',
        removeHeaders: ['cookie', 'x-own'],
        bodyBytes: '0B',
        timeout: '1s',
      },
      timeouts: { total: '2m' },
      limits: { requestBody: '1MiB' },
      upgrades: ['WebSocket'],
    });
    expect(spec).toMatchObject({
      match: { listeners: [], hosts: ['*.example.com'], pathPrefix: '/api' },
      rules: [
        {
          name: 'testers',
          when: {
            at: '',
            kind: 'all',
            of: [
              { at: '/headers/x-group', kind: 'header', name: 'x-group', match: { kind: 'exact', text: 'beta' } },
              { at: '/clientIp', kind: 'client-ip', blocks: ['10.0.0.0/8'], sets: [] },
            ],
          },
          pool: 'green',
          answer: null,
          rewrite: null,
        },
      ],
      affinity: {
        keys: [{ kind: 'cookie', name: 'UID' }, { kind: 'header', name: 'x-user' }, { kind: 'client-ip' }],
        salt: 'spring',
      },
      sticky: {
        cookie: { name: 'at', attributes: '; Path=/; HttpOnly; SameSite=Lax', isAlwaysSecure: false },
        secrets: ['made by the program'],
        onCutover: 'move',
      },
      mirror: {
        pool: 'green',
        share: 1_250,
        salt: 'spring mirror',
        when: { at: '/path', kind: 'path', match: { kind: 'path-prefix', text: '/search' } },
        unsafeMethods: false,
        withheld: expect.arrayContaining(['authorization', 'cookie', 'x-own']),
        concurrencyMax: 64,
        bodyBytesMax: 0,
        answerBytesMax: 1_048_576,
        timeoutMs: 1_000,
      },
      timeouts: { totalMs: 120_000 },
      limits: { requestBodyBytesMax: 1_048_576 },
      upgrades: ['websocket'],
    });
  });

  it('copies everything as it is where a mirror says nothing else', () => {
    const { mirror } = compile({ ...TWO_POOLS, mirror: { pool: 'green' } });
    expect(mirror).toMatchObject({ share: 10_000, salt: 'shop mirror', when: null, withheld: [] });
  });

  it('signs the sticky cookie with the secret of the operator where there is one', () => {
    const sticky = { cookie: 'at', secret: 'sixteen characters', acceptedSecrets: ['that of last week'] };
    expect(compile({ ...TWO_POOLS, sticky }).sticky?.secrets).toEqual(['sixteen characters', 'that of last week']);
  });

  it.each<
    [what: string, cookie: Partial<NonNullable<ServiceDocument['sticky']>>, attributes: string, isSecure: boolean]
  >([
    ['an age', { maxAge: '30d' }, '; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax', false],
    ['domain and path', { domain: 'a.test', path: '/x' }, '; Path=/x; Domain=a.test; HttpOnly; SameSite=Lax', false],
    ['links of other sites shut out', { sameSite: 'strict' }, '; Path=/; HttpOnly; SameSite=Strict', false],
    ['other sites let in, Secure', { sameSite: 'none' }, '; Path=/; HttpOnly; SameSite=None', true],
    ['Secure where it is asked for', { secure: 'always' }, '; Path=/; HttpOnly; SameSite=Lax', true],
    ['Secure by its name', { cookie: '__Host-at' }, '; Path=/; HttpOnly; SameSite=Lax', true],
  ])('gives a cookie with %s', (_, more, attributes, isAlwaysSecure) => {
    const { sticky } = compile({ ...TWO_POOLS, sticky: { cookie: 'at', ...more } });
    expect(sticky?.cookie).toEqual({ name: more.cookie ?? 'at', attributes, isAlwaysSecure });
  });

  it('keeps an issued id for a year where nothing else is said', () => {
    const { affinity } = compile({ ...TWO_POOLS, affinity: { key: ['cookie:uid'], issue: { cookie: 'uid' } } });
    expect(affinity.issue?.attributes).toBe('; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax');
  });

  it('can be sent as JSON', () => {
    const spec = compile(TWO_POOLS);
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
  });
});

describe('a compiled listener', () => {
  it('has its address taken apart and every unit spelt out', () => {
    const spec = compileListener('web', listenerWithDefaults({ listen: '[::1]:8080', timeouts: { linger: '1s' } }));
    expect(spec).toEqual({
      name: 'web',
      protocol: 'http',
      proxyProtocol: false,
      host: '::1',
      port: 8080,
      tls: null,
      http2: false,
      timeouts: { handshakeMs: 10_000, requestHeadMs: 10_000, keepAliveMs: 65_000, halfCloseMs: 500, lingerMs: 1_000 },
      limits: {
        requestLineBytesMax: 16_384,
        headBytesMax: 32_768,
        fieldsMax: 128,
        pipelinedBytesMax: 65_536,
        requestsPerConnectionMax: 10_000,
        connectionsMax: 20_000,
        connectionsPerClientMax: 0,
        concurrentStreamsMax: 100,
        loopLagMs: 1_000,
      },
    });
  });

  it('says how TLS is spoken, and nothing of certificates', () => {
    const tls = { certificates: [{ cert: 'a.pem', key: 'a.key' }] };
    const document = { listen: '127.0.0.1:8443', protocol: 'https' as const, tls };
    const { tls: spec } = compileListener('web', listenerWithDefaults(document));
    expect(spec).toEqual({ minVersion: 'TLSv1.2', protocols: ['h2', 'http/1.1'] });
  });
});
