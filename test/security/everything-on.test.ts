/**
 * Whatever changes messages on their way writes into heads, and decides where bodies go. With all of it switched on, the
 * wire catalogue has to be judged as without: nothing that a client or a target says gets to mean something else by it.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ServiceConfiguration } from '../../src/index.ts';
import { ALL_CASES, CATALOGUE } from '../conformance/catalogue.ts';
import { describeVerdict, type Verdict } from '../conformance/judge.ts';
import { playCatalogue } from '../conformance/play-catalogue.ts';
import type { WireCase } from '../conformance/wire-case.ts';
import type { ProxyUnderTest } from '../conformance/wire-lane.ts';
import { openProxy } from '../helpers/open-proxy.ts';
import { RawBackend } from '../helpers/raw-backend.ts';

const LANES = 16;
const verdicts = new Map<string, Verdict>();

/** What is refused by its head alone never gets to where something is changed. */
function isChanged({ expect: outcomes, upstream }: WireCase): boolean {
  return upstream !== undefined || outcomes.includes('forward') || outcomes.includes('abort-upstream');
}

beforeAll(async () => {
  const cases = ALL_CASES.filter(isChanged);
  const plays = cases.map((wireCase) => ({ wireCase, pieces: 'whole' as const }));
  const played = await playCatalogue(plays, { lanes: LANES, openProxy: openChangingProxy });
  played.forEach((verdict, index) => verdicts.set(cases[index]?.id ?? '', verdict));
});

describe.each([...CATALOGUE])('%s, with everything on', (_, cases) => {
  test.each(cases.filter(isChanged))('$id', ({ id }) => {
    const verdict = verdicts.get(id);
    expect(verdict, 'was not played').toBeDefined();
    if (verdict !== undefined) expect(verdict.violations, describeVerdict(verdict)).toEqual([]);
  });
});

async function openChangingProxy(targetUrl: string): Promise<ProxyUnderTest> {
  const shadow = await RawBackend.start({ response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno' });
  const proxy = await openProxy({
    listeners: { web: { listen: '127.0.0.1:0' } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    workers: 0,
    services: { app: changingService(targetUrl, shadow.url) },
  });
  return {
    port: proxy.port,
    close: async () => {
      await proxy.close();
      await shadow.close();
    },
  };
}

function changingService(targetUrl: string, shadowUrl: string): ServiceConfiguration {
  return {
    pools: {
      only: { version: '1.0 – "β"', targets: [{ url: targetUrl }] },
      shadow: { version: '2', targets: [{ url: shadowUrl }] },
    },
    split: { only: 100 },
    algorithm: 'least-time',
    rules: [
      {
        name: 'marked',
        when: { path: { glob: '**' }, not: { headers: { 'x-unmarked': { present: true } } } },
        rewrite: { setHeaders: { 'x-rule': 'marked' }, removeHeaders: ['x-gone'], addPrefix: '/' },
      },
    ],
    filters: [
      {
        onRequest: (request) => {
          request.setHeader('X-Filter', request.path.slice(0, 20));
          request.cookie('uid');
        },
        onResponse: (response) => {
          response.appendHeader('X-Filter', String(response.status));
          response.removeHeader('X-Gone');
        },
      },
    ],
    affinity: { key: ['cookie:uid', 'client-ip'] },
    sticky: { cookie: 'session', maxAge: '1h' },
    mirror: { pool: 'shadow', percent: 100, unsafeMethods: true },
    headers: {
      request: { set: { 'x-set': '{method} {scheme} {version} {generation}' }, remove: ['x-gone'] },
      response: { set: { 'x-set': '{pool} {target} {version}' }, remove: ['x-gone'] },
    },
    errorPages: {
      '4xx': { text: '{status} {requestId}', html: '<p>{detail}</p>' },
      '5xx': { json: '{"id":"{requestId}"}' },
    },
    interceptErrors: [500, 503],
    limits: { inFlightPerTarget: 1000 },
  };
}
