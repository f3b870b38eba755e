/**
 * What is changed of messages on their way is partly made of what clients and targets say. The attack: to say something by
 * which a head, a body or an address ends elsewhere than the operator meant. Both ends read strictly here.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { respond, type ServiceConfiguration } from '../../src/index.ts';
import { openProxy } from '../helpers/open-proxy.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { type RawAnswers, RawBackend } from '../helpers/raw-backend.ts';
import { WireReader, type WireMessage } from '../helpers/wire-reader.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const ALWAYS = { headers: { host: { present: true } } } as const;

/** By the host that they are asked by, which is the name too. */
const SERVICES: Readonly<Record<string, Omit<ServiceConfiguration, 'pools'>>> = {
  rewriting: {
    rules: [
      { name: 'star', when: { method: ['OPTIONS'] }, rewrite: { query: 'a=b', addPrefix: '/x' } },
      {
        name: 'fields',
        when: ALWAYS,
        rewrite: { setHeaders: { 'x-user': 'nobody' }, removeHeaders: ['x-tag'] },
      },
    ],
  },
  filtering: {
    filters: [
      {
        onRequest: (request) => {
          if (request.method === 'OPTIONS') return request.setQuery('a=b');
          request.setHeader('X-User', 'nobody');
          request.removeHeader('X-TAG');
        },
        onResponse: (response, request) => {
          if (request.path === '/leaving') return;
          response.setHeader('x-user', 'nobody');
          response.removeHeader('x-tag');
        },
      },
    ],
  },
  answering: {
    rules: [
      { name: 'gone', when: { path: { prefix: '/gone' } }, respond: { status: 410, body: 'Größe €' } },
      { name: 'none', when: { path: { prefix: '/none' } }, respond: { status: 204 } },
      { name: 'same', when: { path: { prefix: '/same' } }, respond: { status: 304, headers: { etag: '"1"' } } },
      { name: 'reset', when: { path: { prefix: '/reset' } }, respond: { status: 205 } },
      { name: 'moved', when: { path: { prefix: '/moved' } }, redirect: { location: 'https://b.test{rest}?{query}' } },
    ],
    filters: [
      {
        onRequest: ({ path, query }) =>
          path.startsWith('/filter') ? respond(Number(query), {}, query === '200' ? 'ÿ€' : '') : undefined,
      },
    ],
  },
  paging: {
    errorPages: {
      '4xx': { html: '<p>{requestId} {detail} é</p>', text: '{requestId}' },
      '5xx': { json: '{"id":"{requestId}"}' },
    },
    interceptErrors: [404, 500],
  },
  mapping: { path: { strip: '/api', add: '/inner' } },
};

const targets = new Map<string, RawBackend>();
let proxy: Awaited<ReturnType<typeof openProxy>>;

beforeAll(async () => {
  for (const name of Object.keys(SERVICES)) targets.set(name, await RawBackend.start('silence'));
  proxy = await openProxy({
    listeners: { web: { listen: '127.0.0.1:0' } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    workers: 0,
    services: Object.fromEntries(Object.entries(SERVICES).map(([name, service]) => [name, complete(name, service)])),
  });
});

afterAll(async () => {
  await proxy.close();
  await Promise.all([...targets.values()].map((target) => target.close()));
});

function complete(name: string, service: Omit<ServiceConfiguration, 'pools'>): ServiceConfiguration {
  const url = targets.get(name)?.url ?? '';
  const match = { hosts: [name], pathPrefix: service.path?.strip ?? '/' };
  // No test finds a connection that the one before it has left.
  return { ...service, match, upstream: { idleConnections: 0 }, pools: { only: { targets: [{ url }] } } };
}

interface Heard {
  readonly requests: readonly WireMessage[];
  readonly answers: readonly WireMessage[];
}

/** Says `bytes`, the last of which ask for the end of the connection, and reads what comes of it at both ends. */
async function say(
  host: string,
  bytes: string,
  { answers = { response: OK }, methods = [] }: { answers?: RawAnswers; methods?: readonly string[] } = {},
): Promise<Heard> {
  const target = targets.get(host) as RawBackend;
  target.rearm(answers);
  const said = Buffer.from(bytes.replaceAll('HOST', host), 'latin1');
  const { received, closed } = await rawExchange({ port: proxy.port, bytes: said, quietMs: 1000 });
  const read: WireMessage[] = [];
  const reader = new WireReader('response', {
    method: () => methods[read.length] ?? 'GET',
    message: (message) => read.push(message),
  });
  reader.push(received);
  expect(closed).toBe('fin');
  expect([reader.problem, reader.partial]).toEqual([null, false]);
  expect(target.problems).toEqual([]);
  return { requests: target.requests, answers: read };
}

function asked(line: string, ...fields: readonly string[]): string {
  return `${[line, 'Host: HOST', ...fields].join('\r\n')}\r\n\r\n`;
}

function last(line: string, ...fields: readonly string[]): string {
  return asked(line, 'Connection: close', ...fields);
}

describe('what asks about the whole server gets no query', () => {
  test.each(['rewriting', 'filtering'])('by a service that is %s', async (host) => {
    const { requests } = await say(host, asked('OPTIONS * HTTP/1.1') + last('OPTIONS /p?old HTTP/1.1'));
    expect(requests.map(({ startLine }) => startLine)).toEqual([
      'OPTIONS * HTTP/1.1',
      `OPTIONS ${host === 'rewriting' ? '/x' : ''}/p?a=b HTTP/1.1`,
    ]);
  });
});

describe('a field that does not pass in a head does not pass as a trailer', () => {
  const TRAILERS = '1\r\na\r\n0\r\nX-User: root\r\nX-Tag: forged\r\nX-Fine: yes\r\n\r\n';
  const upload = (path: string) => `${last(`POST ${path} HTTP/1.1`, 'Transfer-Encoding: chunked')}${TRAILERS}`;
  const answers = { response: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${TRAILERS}` };

  test.each(['rewriting', 'filtering'])('of a request to a service that is %s', async (host) => {
    const { requests } = await say(host, upload('/'));
    expect(requests[0]?.trailers).toEqual([['X-Fine', 'yes']]);
  });

  test('of an answer that a filter changes, and of no other', async () => {
    const heard = await say('filtering', asked('GET / HTTP/1.1') + last('GET /leaving HTTP/1.1'), { answers });
    expect(heard.answers.map(({ trailers }) => trailers.map(([name]) => name))).toEqual([
      ['X-Fine'],
      ['X-User', 'X-Tag', 'X-Fine'],
    ]);
  });
});

describe('an answer in the place of the target', () => {
  const SMUGGLED = asked('GET /smuggled HTTP/1.1');
  const PATHS = ['/gone', '/none', '/same', '/reset', '/moved/x', '/filter?200', '/filter?204', '/filter?304'];

  test.each(PATHS)('%s is whole, for GET and HEAD, and the next request is read behind it', async (path) => {
    const bytes = ['GET', 'HEAD', 'GET'].map((method) => asked(`${method} ${path} HTTP/1.1`)).join('');
    const { answers, requests } = await say('answering', bytes + last('GET /last HTTP/1.1'), {
      methods: ['GET', 'HEAD', 'GET', 'GET'],
    });
    const [get, head, again, plain] = answers;
    expect(answers.length).toBe(4);
    expect(plain?.body.toString()).toBe('ok');
    expect(again?.body).toEqual(get?.body);
    expect([head?.startLine, again?.startLine]).toEqual([get?.startLine, get?.startLine]);
    expect(get?.startLine).not.toContain(' 500 ');
    expect(requests.length).toBe(1);
  });

  test.each(PATHS)('%s leaves a body that was not read behind, and what hides in it', async (path) => {
    const line = `POST ${path} HTTP/1.1`;
    const { answers, requests } = await say('answering', asked(line, 'Content-Length: 40') + SMUGGLED);
    expect(answers.length).toBe(1);
    expect(requests).toEqual([]);
  });

  test.each([
    ['/moved/%0d%0aSet-Cookie:%20a=b', 'https://b.test/%0d%0aSet-Cookie:%20a=b?'],
    ['/moved//evil.test/', 'https://b.test//evil.test/?'],
    ['/moved/"<>|^`{}?a="<>|^`{}', 'https://b.test/"<>|^`{}?a="<>|^`{}'],
    [`/moved/${'a'.repeat(7000)}`, `https://b.test/${'a'.repeat(7000)}?`],
  ])('a redirect from %s is one line of what was asked for', async (path, location) => {
    const { answers } = await say('answering', last(`GET ${path} HTTP/1.1`));
    expect(answers[0]?.fields.filter(([name]) => name !== 'Date' && name !== 'X-Request-Id')).toEqual([
      ['Location', location],
      ['Content-Length', '0'],
      ['Connection', 'close'],
    ]);
  });
});

describe('an error page', () => {
  const CUT = { response: 'HTTP/1.1 404 Not Found\r\nContent-Length: 40\r\n\r\nsecret', after: 'close' } as const;

  test.each(['"><script>', '%0d%0aX: y', 'a\tb', '\xe9', 'i'.repeat(129)])(
    'does not repeat the request id %j of a client',
    async (id) => {
      const bytes = last('GET / HTTP/1.1', `X-Request-Id: ${id}`, 'Accept: text/html');
      const { answers } = await say('paging', bytes, { answers: CUT });
      expect(answers[0]?.body.toString()).toMatch(/^<p>[\w-]+ {2}é<\/p>$/);
      expect(answers[0]?.head).not.toContain(id);
    },
  );

  test.each([
    ['chunks', 'HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\nX-End: secret\r\n\r\n'],
    ['a length', 'HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\nsecret'],
    ['no body', 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'],
  ])('takes the place of %s, and of nothing behind it', async (_, response) => {
    const bytes = asked('GET /one HTTP/1.1', 'Accept: application/json') + last('GET /two HTTP/1.1');
    const { answers } = await say('paging', bytes, {
      answers: ({ startLine }) => ({ response: startLine.includes('/one') ? response : OK }),
    });
    expect(answers[0]?.body.toString()).toMatch(/^\{"id":"[\w-]+"\}$/);
    expect(answers[1]?.body.toString()).toBe('ok');
    expect(JSON.stringify(answers.map(({ head, trailers }) => [head, trailers]))).not.toContain('secret');
  });
});

describe('places that an answer names', () => {
  test.each([
    'Location: http://TARGET/a%0d%0aSet-Cookie:x',
    'Location: http://user@TARGET/',
    'Location: http://TARGET\\@evil.test/',
    'Location: //TARGET',
    'Location:',
    'Refresh: 0;url="http://TARGET/x',
    'Refresh: ;;;,,,url=',
    `Location: http://TARGET/${'/'.repeat(3000)}`,
    `Refresh: ${'0'.repeat(3000)};url=http://TARGET/`,
    'Set-Cookie: ;;;Path=;Domain=;;',
    'Set-Cookie: a="b;Path=/inner";Path=/inner;Domain=127.0.0.1',
    'Content-Location: http://TARGET/\x80\xff',
  ])('%s stays one field', async (line) => {
    const named = line.replaceAll('TARGET', targets.get('mapping')?.url.slice('http://'.length) ?? '');
    const { answers } = await say('mapping', last('GET /api/x HTTP/1.1'), {
      answers: { response: `HTTP/1.1 302 F\r\n${named}\r\nContent-Length: 0\r\n\r\n` },
    });
    const names = answers[0]?.fields.map(([name]) => name);
    expect(names).toEqual([line.slice(0, line.indexOf(':')), 'Date', 'Via', 'Content-Length', 'Connection']);
  });
});
