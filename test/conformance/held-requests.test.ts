/**
 * A request that waits while its service is paused is begun anew from its bytes. The target has to get the very message
 * that it gets without the wait, and what stood behind it on the connection has to stay behind it.
 */
import { describe, expect, test } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

const PLAIN = { response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' };
const PAUSE = { timeout: '30s', resumeOver: '20ms' };
const SERVICE = '/v1/services/app';

function post(...fields: readonly string[]): string {
  return `${['POST /p HTTP/1.1', 'Host: a.test', 'X-Request-Id: r1', ...fields].join('\r\n')}\r\n\r\n`;
}

const LAST = 'GET /last HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: r2\r\nConnection: close\r\n\r\n';
const CHUNKED = post('Transfer-Encoding: chunked');

interface Case {
  readonly bytes: string;
  /** Said once the service is resumed. */
  readonly later?: string;
  readonly answer?: string;
}

const CASES: Readonly<Record<string, Case>> = {
  'no body': { bytes: `GET /p HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: r1\r\n\r\n${LAST}` },
  'a body of a length': { bytes: `${post('Content-Length: 5')}hello${LAST}` },
  'a length of nothing': { bytes: `${post('Content-Length: 0')}${LAST}` },
  'a body in chunks': { bytes: `${CHUNKED}5;ext=1\r\nhello\r\n0\r\nX-Trailer: t\r\n\r\n${LAST}` },
  'chunks of nothing': { bytes: `${CHUNKED}0\r\n\r\n${LAST}` },
  'chunks of nothing, with a trailer': { bytes: `${CHUNKED}0\r\nX-Trailer: t\r\n\r\n${LAST}` },
  'a body that ends after the wait': { bytes: `${post('Content-Length: 5')}he`, later: `llo${LAST}` },
  'chunks that end after the wait': { bytes: `${CHUNKED}2\r\nhe\r`, later: `\n3\r\nllo\r\n0\r\n\r\n${LAST}` },
  'chunks of which nothing has come': { bytes: CHUNKED, later: `0\r\n\r\n${LAST}` },
};

async function play({ bytes, later = '' }: Case, isHeld: boolean) {
  const target = await startRawBackend(PLAIN);
  const proxy = await startProxy({ services: appService({ only: { version: '1', url: target.url } }) });
  if (isHeld) await proxy.admin.must('PATCH', SERVICE, { pause: PAUSE });
  const said = (text: string, delayMs: number) => ({ bytes: Buffer.from(text, 'latin1'), delayMs });
  const exchange = rawExchange({
    port: proxy.port,
    bytes: Buffer.alloc(0),
    parts: isHeld && later !== '' ? [said(bytes, 1000), said(later, 0)] : [said(bytes + later, 0)],
    waitMs: 5000,
    quietMs: 2000,
  });
  if (isHeld) {
    await eventually(async () => expect(await proxy.admin.metric('cutover_requests_held', { service: 'app' })).toBe(1));
    expect(target.heads).toEqual([]);
    await proxy.admin.must('PATCH', SERVICE, { pause: null }, { 'content-type': 'application/merge-patch+json' });
  }
  const { received, closed } = await exchange;
  expect(target.problems).toEqual([]);
  const requests = target.requests.map(({ head, body, trailers }) => ({ head, body: body.toString(), trailers }));
  return { requests, answers: withoutDates(received), closed };
}

function withoutDates(received: Buffer): string {
  return received.toString('latin1').replaceAll(/^Date: .*\r\n/gm, '');
}

describe.each(Object.entries(CASES))('a request with %s', (_, one) => {
  test('is the same after a wait, and so is what stands behind it', async () => {
    const [held, direct] = await Promise.all([play(one, true), play(one, false)]);
    expect(direct.requests.length).toBe(2);
    expect(held).toEqual(direct);
    expect(held.closed).toBe('fin');
  });
});
