/** Errors in the operator's words: which of them a client gets, and what of a target's answer is left. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { eventually } from '../helpers/eventually.ts';
import type { RawAnswers } from '../helpers/raw-backend.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

const PAGES: NonNullable<ServiceDocument['errorPages']> = {
  502: {
    html: '<p title="{detail}">Später, {service}: {requestId}',
    json: '{"failed":"{status} {reason}"}',
    text: 'later: {detail}',
  },
  '4xx': { html: '<p>{status} {reason}' },
};
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function start(answers: RawAnswers, more: Omit<ServiceDocument, 'pools'> = {}) {
  const target = await startRawBackend((request, nth) =>
    request.startLine.startsWith('GET /well ')
      ? { response: OK }
      : typeof answers === 'function'
        ? answers(request, nth)
        : answers,
  );
  const services = appService({ only: { version: '1', url: target.url } }, { errorPages: PAGES, ...more });
  const proxy = await startProxy({ services });
  return { target, proxy, port: proxy.port };
}

describe('an error of the proxy itself', () => {
  test.each([
    ['text/html', 'text/html; charset=utf-8', '<p title="The application closed the connection.">Später, app: r1'],
    ['text/html;q=0.1, application/json', 'application/json', '{"failed":"502 Bad Gateway"}'],
    ['*/*', 'text/plain; charset=utf-8', 'later: The application closed the connection.'],
  ])('is told to a client that accepts %s as %s', async (accept, type, body) => {
    const { port } = await start('close');
    const response = await ask(port, {
      fields: [
        ['Accept', accept],
        ['X-Request-Id', 'r1'],
      ],
    });
    expect(response.status).toBe(502);
    expect(response.field('content-type')).toBe(type);
    expect(response.field('x-request-id')).toBe('r1');
    expect(response.field('cache-control')).toBe('no-store');
    expect(response.body.toString()).toBe(body);
  });

  test('is told in the words of the proxy to one that accepts no form that there is', async () => {
    const { port } = await start('close');
    const response = await ask(port, { fields: [['Accept', 'image/png']] });
    expect([response.status, response.body.toString()]).toEqual([502, expect.stringContaining('Request id: ')]);
  });

  test('has the page of its class, also where no target was asked, and none of another service', async () => {
    const { port } = await start({ response: OK }, { match: { hosts: ['shop.test'] } });
    const client = await startClient(port);
    const fields = [['Accept', 'text/html']] as const;
    const refused = await client.request({ host: 'shop.test', path: '/a%2fb', fields });
    expect([refused.status, refused.body.toString()]).toEqual([400, '<p>400 Bad Request']);
    const unknown = await client.request({ host: 'other.test', fields });
    expect([unknown.status, unknown.field('content-type')]).toEqual([404, 'text/plain; charset=utf-8']);
  });

  test('has no body in an answer to HEAD, and the length that it would have', async () => {
    const { port } = await start('close');
    const bytes = Buffer.from('HEAD / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n');
    const got = (await rawExchange({ port, bytes, quietMs: 50 })).received.toString('latin1');
    expect(got).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[^]*Content-Length: 28\r\n[^]*\r\n\r\n$/);
  });
});

describe("an error of the target's own", () => {
  const FAILED = 'HTTP/1.1 502 Broken\r\nRetry-After: 7\r\nX-Secret: trace\r\nContent-Length: 5\r\n\r\ntrace';
  const fields = [['Accept', 'application/json']] as const;

  test('passes as it is where nothing else was asked for', async () => {
    const { port } = await start({ response: FAILED });
    const response = await ask(port, { fields });
    expect([response.status, response.field('x-secret'), response.body.toString()]).toEqual([502, 'trace', 'trace']);
  });

  test('has its place taken by the page, on a connection that goes on', async () => {
    const { proxy, port, target } = await start({ response: FAILED }, { interceptErrors: [502] });
    const client = await startClient(port);
    const response = await client.request({ fields });
    expect([response.status, response.body.toString()]).toEqual([502, '{"failed":"502 Bad Gateway"}']);
    expect([response.field('retry-after'), response.field('x-secret')]).toEqual(['7', null]);
    const well = await client.request({ path: '/well' });
    expect(well.body.toString()).toBe('ok');
    expect(target.connectionsTotal).toBe(1);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test.each([
    ['chunked', 'HTTP/1.1 502 Broken\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntrace\r\n0\r\n\r\n'],
    ['without a body', 'HTTP/1.1 502 Broken\r\nContent-Length: 0\r\n\r\n'],
  ])('has its place taken where it is %s', async (_, response) => {
    const { port } = await start({ response }, { interceptErrors: [502] });
    const client = await startClient(port);
    expect((await client.request({ fields })).body.toString()).toBe('{"failed":"502 Bad Gateway"}');
    expect((await client.request({ path: '/well' })).body.toString()).toBe('ok');
  });

  test('is whole for the client where the target breaks off behind its head', async () => {
    const response = 'HTTP/1.1 502 Broken\r\nContent-Length: 500\r\n\r\ntrace';
    const { proxy, port } = await start({ response, after: 'close' }, { interceptErrors: [502] });
    const got = await ask(port, { fields });
    expect(got.body.toString()).toBe('{"failed":"502 Bad Gateway"}');
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(0);
    });
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test.each([
    ['never ends', 'HTTP/1.1 502 Broken\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntrace\r\n', 'keep'],
    ['is long', `HTTP/1.1 502 Broken\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`, 'keep'],
    ['ends with its connection', 'HTTP/1.1 502 Broken\r\n\r\ntrace', 'close'],
    ['breaks the grammar', 'HTTP/1.1 502 Broken\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'keep'],
  ] as const)('that %s holds up nothing: the client asks on, and all is accounted for', async (_, response, after) => {
    const { proxy, port, target } = await start({ response, after }, { interceptErrors: [502] });
    const client = await startClient(port);
    for (let i = 0; i < 3; i++) {
      expect((await client.request({ fields })).body.toString()).toBe('{"failed":"502 Bad Gateway"}');
      expect((await client.request({ path: '/well' })).body.toString()).toBe('ok');
    }
    expect(await proxy.admin.metric('cutover_requests_total', { code: '502', service: 'app' })).toBe(3);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
    await eventually(() => expect(target.connectionsOpen).toBeLessThanOrEqual(1));
  });

  test('that trickles keeps no connection for long', async () => {
    const response = `HTTP/1.1 502 Broken\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(60_000)}`;
    const { port, target } = await start({ response, pieces: 60, pieceGapMs: 100 }, { interceptErrors: [502] });
    expect((await ask(port, { fields })).body.toString()).toBe('{"failed":"502 Bad Gateway"}');
    await eventually(() => expect(target.connectionsOpen).toBe(0));
  });

  test('has its place taken in an answer to HEAD, and before the request was whole', async () => {
    const response = 'HTTP/1.1 502 Broken\r\nContent-Length: 5\r\n\r\n';
    const head = await start({ response }, { interceptErrors: [502] });
    const line = 'HEAD / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n';
    const asked = Buffer.from(`${line}\r\n${line}Connection: close\r\n\r\n`);
    const heads = (
      await rawExchange({ port: head.port, bytes: asked, waitMs: 10_000, quietMs: 10_000 })
    ).received.toString('latin1');
    expect(heads).toMatch(/^(HTTP\/1\.1 502 Bad Gateway\r\n([^\r]+\r\n)*Content-Length: 28\r\n([^\r]+\r\n)*\r\n){2}$/);
    expect(head.target.connectionsTotal).toBe(1);

    const early = await start({ response: `${response}trace`, when: 'head' }, { interceptErrors: [502] });
    const begun = Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nContent-Length: 9\r\n\r\nhal');
    const got = await rawExchange({ port: early.port, bytes: begun, waitMs: 10_000, quietMs: 10_000 });
    expect(got.received.toString('latin1')).toMatch(/Connection: close\r\n\r\n\{"failed":"502 Bad Gateway"\}$/);
    await eventually(() => expect(early.target.connectionsOpen).toBe(0));
  });

  test('keeps nothing of its fields that is not to pass', async () => {
    const headers = { response: { remove: ['retry-after'] } };
    const { port } = await start({ response: FAILED }, { interceptErrors: [502], headers });
    expect((await ask(port, { fields })).field('retry-after')).toBeNull();
  });

  test('passes to a client that accepts no form of the page, and with another status', async () => {
    const { port } = await start({ response: FAILED }, { interceptErrors: [502] });
    expect((await ask(port, { fields: [['Accept', 'image/png']] })).body.toString()).toBe('trace');
    const other = await start({ response: FAILED.replace('502', '404') }, { interceptErrors: [502] });
    expect((await ask(other.port, { fields })).body.toString()).toBe('trace');
  });
});

describe('the admin API', () => {
  test('refuses a page that names a file', async () => {
    const { proxy } = await start({ response: OK });
    const answer = await proxy.admin.call(
      'PATCH',
      '/v1/services/app',
      { errorPages: { 500: { text: 'file:/etc/passwd' } } },
      { 'content-type': 'application/merge-patch+json' },
    );
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('/errorPages/500/text')]);
  });
});
