/**
 * Requests that come by HTTP/2 and would be others as HTTP/1.1: HTTP/2 has lengths where HTTP/1.1 has line ends, so that a
 * value may hold what looks like more fields, or like another request. None of it may reach a target.
 *
 * "HTTP/2: The Sequel is Always Worse" (James Kettle, 2021); CVE-2021-33193, CVE-2021-36740, CVE-2026-42926.
 */
import { describe, expect, test } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { FLAG, FRAME, FrameClient, headerBlock, requestFields } from '../helpers/frame-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

type Fields = readonly (readonly [string, string])[];

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function startTarget() {
  const target = await startRawBackend({ response: ANSWER });
  const proxy = await startProxy({
    services: appService({ only: { version: 'v1', url: target.url } }),
    listener: { http2: true },
  });
  const client = await FrameClient.open(proxy.port, [[1, 0]]);
  return { target, proxy, client };
}

type World = Awaited<ReturnType<typeof startTarget>>;

/** It was refused, the target has heard nothing of it, and the account balances. */
async function expectRefused({ target, proxy, client }: World, stream = 1): Promise<void> {
  await eventually(() => {
    if (!client.isClosed && client.resetCode(stream) < 0) expect(client.status(stream)).toBeGreaterThanOrEqual(400);
  });
  expect(client.status(stream)).not.toBe(200);
  expect(target.requests).toEqual([]);
  expect(target.problems).toEqual([]);
  await expectBalance(proxy);
}

function expectBalance(proxy: World['proxy']): Promise<void> {
  return eventually(async () => {
    expect(await proxy.admin.metric('cutover_requests_in_flight')).toBe(0);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });
}

const WHOLE = requestFields('GET', '/');

function fieldsWith(name: string, value: string): Fields {
  return WHOLE.some(([one]) => one === name)
    ? WHOLE.map((field) => (field[0] === name ? ([name, value] as const) : field))
    : [...WHOLE, [name, value]];
}

function without(name: string): Fields {
  return WHOLE.filter(([one]) => one !== name);
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';

const SPLITTING: readonly (readonly [string, Fields])[] = [
  ['a path that goes on as a head', fieldsWith(':path', '/ HTTP/1.1\r\nHost: evil.test\r\nX: y')],
  ['a path that goes on as another request', fieldsWith(':path', `/ HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`)],
  ['a path with a line feed', fieldsWith(':path', '/a\nb')],
  ['a path with a carriage return', fieldsWith(':path', '/a\rb')],
  ['a path with a space', fieldsWith(':path', '/a b')],
  ['a path with a version', fieldsWith(':path', '/ HTTP/1.0')],
  ['a path with a NUL', fieldsWith(':path', '/a\0b')],
  ['a path with a fragment', fieldsWith(':path', '/a#b')],
  ['a path in absolute form', fieldsWith(':path', 'http://evil.test/')],
  ['a path without a slash', fieldsWith(':path', 'admin')],
  ['a path of nothing', fieldsWith(':path', '')],
  ['an asterisk without OPTIONS', fieldsWith(':path', '*')],
  ['a method that goes on as a request', fieldsWith(':method', `GET / HTTP/1.1\r\nHost: a\r\n\r\nGET`)],
  ['a method with a space', fieldsWith(':method', 'GET /admin')],
  ['a method of nothing', fieldsWith(':method', '')],
  ['a method that nobody knows', fieldsWith(':method', 'SMUGGLE')],
  ['TRACE', fieldsWith(':method', 'TRACE')],
  ['an authority with a line end', fieldsWith(':authority', 'app.test\r\nX: y')],
  ['an authority with a user', fieldsWith(':authority', 'user@app.test')],
  ['an authority with a path', fieldsWith(':authority', 'app.test/x')],
  ['an authority of nothing', fieldsWith(':authority', '')],
  ['a scheme with a line end', fieldsWith(':scheme', 'http\r\nX: y')],
  ['a scheme of another kind', fieldsWith(':scheme', 'file')],
  ['a scheme that is an address', fieldsWith(':scheme', 'http://evil.test/?x=')],
];

const NO_FIELD: readonly (readonly [string, Fields])[] = [
  ['a value that goes on as a field', fieldsWith('x-a', 'b\r\nTransfer-Encoding: chunked')],
  ['a value that goes on as a request', fieldsWith('x-a', `b\r\n\r\n${SMUGGLED}`)],
  ['a value with a line feed', fieldsWith('x-a', 'b\nX: y')],
  ['a value with a carriage return', fieldsWith('x-a', 'b\rX: y')],
  ['a value with a NUL', fieldsWith('x-a', 'b\0c')],
  ['a name that has a value in it', fieldsWith('x-a: b\r\ntransfer-encoding', 'chunked')],
  ['a name with a colon', fieldsWith('transfer-encoding: chunked\r\nx', 'y')],
  ['a name with a colon in it', fieldsWith('x:y', 'z')],
  ['a name with a space', fieldsWith('transfer-encoding ', 'chunked')],
  ['a name of nothing', fieldsWith('', 'chunked')],
];

const FORBIDDEN: readonly (readonly [string, Fields])[] = [
  ['connection', fieldsWith('connection', 'close')],
  ['connection that names another field', fieldsWith('connection', 'x-forwarded-for')],
  ['proxy-connection', fieldsWith('proxy-connection', 'keep-alive')],
  ['keep-alive', fieldsWith('keep-alive', 'timeout=5')],
  ['transfer-encoding', fieldsWith('transfer-encoding', 'chunked')],
  ['upgrade', fieldsWith('upgrade', 'websocket')],
  ['te that is not trailers', fieldsWith('te', 'chunked')],
  ['te of trailers and more', fieldsWith('te', 'trailers, chunked')],
  ['two methods', [[':method', 'GET'], ...WHOLE]],
  ['two paths', [[':path', '/'], ...WHOLE]],
  ['two schemes', [[':scheme', 'http'], ...WHOLE]],
  ['two authorities', [[':authority', 'evil.test'], ...WHOLE]],
  ['no method', without(':method')],
  ['no path', without(':path')],
  ['no scheme', without(':scheme')],
  ['no authority and no host', without(':authority')],
  ['a host that is not the authority', fieldsWith('host', 'evil.test')],
  ['two hosts', [...without(':authority'), ['host', 'app.test'], ['host', 'app.test']]],
  ['a pseudo-field of answers', [[':status', '200'], ...WHOLE]],
  ['a pseudo-field that nobody knows', [[':x', '200'], ...WHOLE]],
  ['a pseudo-field behind a field', [['x-a', 'b'], ...WHOLE]],
  [
    'a tunnel',
    [
      [':method', 'CONNECT'],
      [':authority', 'app.test:443'],
    ],
  ],
  ['a WebSocket', [[':protocol', 'websocket'], ...fieldsWith(':method', 'CONNECT')]],
  ['two lengths', [...WHOLE, ['content-length', '0'], ['content-length', '0']]],
  ['a length that is none', fieldsWith('content-length', '+1')],
  ['a length that nothing comes for', fieldsWith('content-length', '5')],
];

describe('what HTTP/1.1 would read as something else is refused:', () => {
  test.each(SPLITTING)('%s', async (_, fields) => {
    const world = await startTarget();
    world.client.headers(1, fields);
    await expectRefused(world);
  });
});

describe('what is no field costs the request that it comes with:', () => {
  test.each(NO_FIELD)('%s', async (_, fields) => {
    const world = await startTarget();
    world.client.headers(1, fields);
    await expectRefused(world);
    expect(world.client.status(1)).toBe(400);
    world.client.get(3);
    await world.client.settled(3);
    expect(world.client.status(3)).toBe(200);
  });
});

describe('what HTTP/2 forbids is refused:', () => {
  test.each(FORBIDDEN)('%s', async (_, fields) => {
    const world = await startTarget();
    world.client.headers(1, fields);
    await expectRefused(world);
  });

  test('a name in capitals passes in no case', async () => {
    const { target, client } = await startTarget();
    client.headers(1, fieldsWith('Transfer-Encoding', 'chunked'));
    client.headers(3, fieldsWith('X-Forwarded-For', '10.0.0.1'));
    await client.settled(1);
    await client.settled(3);
    expect(target.received.toString()).not.toMatch(/chunked|10\.0\.0\.1/);
  });
});

describe('a body is as long as it says, or is no body:', () => {
  const POST = (length: string): Fields => [...requestFields('POST', '/'), ['content-length', length]];

  test.each([
    ['shorter than its length', '9', ['half']],
    ['longer than its length', '4', ['more than that']],
    ['longer than its length by a later frame', '4', ['four', 'more']],
    ['there, and of no length', '0', ['more']],
  ])('%s', async (_, length, pieces) => {
    const world = await startTarget();
    const { target, proxy, client } = world;
    client.headers(1, POST(length), 0);
    pieces.forEach((piece, index) => client.data(1, piece, index === pieces.length - 1 ? FLAG.endStream : 0));
    await eventually(() => expect(client.isClosed || client.resetCode(1) > 0).toBe(true));
    await client.isCaughtUp();
    await expectBalance(proxy);
    expect(target.requests.filter(({ body }) => body.length !== Number(length))).toEqual([]);
    expect(target.problems).toEqual([]);
  });

  test('a body that is broken off, with a reset of no error, is not taken for the whole', async () => {
    const { target, proxy, client } = await startTarget();
    client.headers(1, requestFields('POST', '/'), 0);
    client.data(1, 'half', 0);
    await eventually(() => expect(target.received.toString()).toContain('half'));
    client.reset(1, 0);
    await eventually(() => expect(target.partial).toBe(1));
    expect(target.requests).toEqual([]);
    await expectBalance(proxy);
  });

  test('what looks like the end of chunks, or like a request, is body', async () => {
    const { target, client } = await startTarget();
    client.headers(1, requestFields('POST', '/'), 0);
    client.data(1, `0\r\n\r\n${SMUGGLED}`);
    await client.settled(1);
    expect(client.status(1)).toBe(200);
    expect(target.requests.map(({ body }) => body.toString('latin1'))).toEqual([`0\r\n\r\n${SMUGGLED}`]);
    expect(target.problems).toEqual([]);
  });

  test('trailers bring nothing that belongs in a head, and no line ends', async () => {
    const { target, client } = await startTarget();
    client.headers(1, requestFields('POST', '/'), 0);
    client.data(1, 'x', 0);
    const trailers = headerBlock([
      ['x-sum', '1'],
      ['vary', 'x'],
      ['x-forwarded-for', '10.0.0.1'],
    ]);
    client.send(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, trailers);
    await client.settled(1);
    expect(target.received.toString()).toContain('x-sum: 1');
    expect(target.received.toString()).not.toMatch(/vary|10\.0\.0\.1/i);
    client.headers(3, requestFields('POST', '/'), 0);
    client.data(3, 'x', 0);
    client.send(
      FRAME.headers,
      FLAG.endStream | FLAG.endHeaders,
      3,
      headerBlock([['x-sum', '1\r\n\r\nGET / HTTP/1.1']]),
    );
    await eventually(() => expect(client.isClosed || client.isWhole(3) || client.resetCode(3) > 0).toBe(true));
    expect(target.received.toString()).not.toContain('GET / HTTP/1.1');
    expect(target.problems).toEqual([]);
  });

  test('a pseudo-field in trailers is refused', async () => {
    const { target, client } = await startTarget();
    client.headers(1, requestFields('POST', '/'), 0);
    client.data(1, 'x', 0);
    client.send(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, headerBlock([[':path', '/evil']]));
    await eventually(() => expect(client.isClosed || client.resetCode(1) > 0).toBe(true));
    expect(target.requests).toEqual([]);
  });
});

describe('what a stranger says of where a request came from', () => {
  test('does not pass, were it written with underscores', async () => {
    const { target, client } = await startTarget();
    client.headers(1, [
      ...WHOLE,
      ['x-forwarded-for', '10.9.9.9'],
      ['x_real_ip', '10.9.9.9'],
      ['proxy', 'http://evil.test'],
    ]);
    await client.settled(1);
    expect(client.status(1)).toBe(200);
    expect(target.received.toString()).not.toMatch(/10\.9\.9\.9|evil/);
  });
});
