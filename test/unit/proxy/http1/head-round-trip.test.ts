/** What is written for the next hop reads as what was read: parse(write(x)) = x, less what is for one hop alone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CidrSet } from '../../../../src/base/cidr.ts';
import { RequestHead } from '../../../../src/proxy/http1/request-head.ts';
import { RESPONSE_PASSAGE, STRANGER_PASSAGE, TRUSTED_PASSAGE } from '../../../../src/proxy/http1/passing-fields.ts';
import { provenanceOf } from '../../../../src/proxy/http1/provenance.ts';
import { writeRequestHead } from '../../../../src/proxy/http1/request-writer.ts';
import { ResponseHead } from '../../../../src/proxy/http1/response-head.ts';
import { responseFraming, writeInterimHead, writeResponseHead } from '../../../../src/proxy/http1/response-writer.ts';
import { Origin } from '../../../../src/proxy/origin.ts';
import { WireReader, type WireMessage } from '../../../helpers/wire-reader.ts';

const LIMITS = { requestLineBytesMax: 8192, fieldsMax: 64 };
const STRANGER = new Origin('192.0.2.1', false, 'http', '192.0.2.9:80');
const TRUSTED = new Origin('2001:db8::1', true, 'https', '192.0.2.9:80');

type Fields = (readonly [name: string, value: string])[];

function readRequest(text: string): RequestHead | null {
  const head = new RequestHead(LIMITS);
  const bytes = Buffer.from(text, 'latin1');
  if (head.read(bytes, 0, bytes.length) !== 'done' || head.interpret() !== null) return null;
  return head;
}

function write(received: RequestHead, origin: Origin, upgrade = ''): string {
  const { target } = received;
  const authority = received.authority === '' ? origin.localAuthority : received.authority;
  const from = provenanceOf(received, origin, authority, new CidrSet([]));
  const passage = origin.isTrusted ? TRUSTED_PASSAGE : STRANGER_PASSAGE;
  return writeRequestHead(received, {
    target,
    authority,
    from,
    passage,
    extraFields: '',
    requestId: 'id',
    upgrade,
    edits: null,
    mayExpect: true,
  });
}

function readResponse(text: string, method: string): ResponseHead | null {
  const head = new ResponseHead(LIMITS.fieldsMax);
  const bytes = Buffer.from(text, 'latin1');
  if (head.read(bytes, 0, bytes.length) !== 'done' || head.interpret(method) !== null) return null;
  return head;
}

function fieldsOf({ fields }: RequestHead | ResponseHead): Fields {
  return Array.from({ length: fields.count }, (_, i) => [fields.name(i), fields.value(i)] as const);
}

/** Names that no hop reads: everything of them has to arrive. */
const endToEndName = fc
  .string({ unit: fc.constantFrom('a', 'B', '7', '-', '_', '.', '~', '!'), minLength: 1, maxLength: 8 })
  .map((rest) => `Q${rest}`);
const value = fc
  .string({
    unit: fc.constantFrom('a', 'Z', '0', ' ', '\t', ',', ';', '=', '"', '\\', ':', '\xe9', '\xff'),
    maxLength: 12,
  })
  .map((text) => text.replaceAll(/^[ \t]+|[ \t]+$/g, ''));
const blank = fc.constantFrom('', ' ', ' ', ' ', '\t', '  ', ' \t');
const endToEnd = fc.tuple(endToEndName, value);
const fieldLine = fc.tuple(endToEnd, blank, blank).map(([[name, text], before, behind]) => ({
  field: [name, text] as const,
  line: `${name}:${before}${text}${behind}\r\n`,
}));
const fieldLines = fc.array(fieldLine, { maxLength: 6 });

/** Lines that are for one hop, or that only a trusted peer may say: none of them may arrive as it was. */
const hopLine = fc.constantFrom(
  'Connection: keep-alive',
  'Connection: X-Hop, close',
  'X-Hop: 1',
  'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive',
  'Proxy-Authorization: Basic eA==',
  'TE: gzip',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMA',
  'Content_Length: 7',
);
const forwardedLine = fc.constantFrom(
  'X-Forwarded-For: 6.6.6.6',
  'x-forwarded-host: evil.test',
  'X_Forwarded_For: 6.6.6.6',
  'X-Forwarded-Anything: evil',
  'Forwarded: for=6.6.6.6',
  'X-Real-IP: 6.6.6.6',
  'Proxy: http://evil.test',
);

const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'M-SEARCH');
const target = fc
  .string({ unit: fc.constantFrom('a', '/', '?', '&', '=', '%41', ';', '.', '~', "'", '"', '{', '|'), maxLength: 12 })
  .map((text) => `/${text}`);
const authority = fc.constantFrom('a.test', 'A.Test:8080', '[::1]:80', '192.0.2.1', 'a.test.');
const framing = fc.constantFrom(
  '',
  'Content-Length: 0\r\n',
  'Content-Length: 0042\r\n',
  'transfer-encoding:Chunked\r\n',
);

const request = fc.record({
  method,
  target,
  authority,
  framing,
  lines: fieldLines,
  minor: fc.constantFrom(1, 1, 1, 0),
});

function requestText(
  x: typeof request extends fc.Arbitrary<infer T> ? T : never,
  more: readonly string[] = [],
): string {
  const lines = [...x.lines.map(({ line }) => line), ...more.map((line) => `${line}\r\n`)].join('');
  return `${x.method} ${x.target} HTTP/1.${x.minor}\r\nHost: ${x.authority}\r\n${lines}${x.framing}\r\n`;
}

/** What the strict reader of the tests makes of a head alone. */
function strictly(
  kind: 'request' | 'response',
  text: string,
  answered = 'GET',
): { message: WireMessage | null; problem: string | null } {
  let message: WireMessage | null = null;
  const reader = new WireReader(kind, {
    method: () => answered,
    head: (head) => {
      message = head;
    },
    message: () => undefined,
  });
  reader.push(Buffer.from(text, 'latin1'));
  return { message, problem: reader.problem };
}

describe('a request', () => {
  it('that is forwarded says what was received', () => {
    fc.assert(
      fc.property(request, fc.constantFrom(STRANGER, TRUSTED), (x, origin) => {
        const received = readRequest(requestText(x));
        // Chunks do not go with HTTP/1.0.
        expect(received === null).toBe(x.minor === 0 && x.framing.includes('Chunked'));
        if (received === null) return;
        const { framing: how, contentLength, pathEnd, ambiguousPath, host } = received;
        const head = write(received, origin);
        const forwarded = readRequest(head);
        expect(forwarded).toMatchObject({ method: x.method, target: x.target, authority: x.authority, host, minor: 1 });
        expect(forwarded).toMatchObject({ framing: how, contentLength, pathEnd, ambiguousPath, keepAlive: true });
        const arrived = fieldsOf(forwarded as RequestHead).filter(([name]) => name.startsWith('Q'));
        expect(arrived).toEqual(x.lines.map(({ field }) => field));
      }),
      { numRuns: 500 },
    );
  });

  it('is canonical, and says nothing of what was for one hop', () => {
    const more = fc.array(fc.oneof(hopLine, forwardedLine), { maxLength: 6 });
    fc.assert(
      fc.property(request, more, (x, lines) => {
        const received = readRequest(requestText(x, lines));
        if (received === null) return;
        const head = write(received, STRANGER);
        const { message, problem } = strictly('request', head);
        expect(problem).toBeNull();
        expect(message?.head).toBe(head);
        expect(head).not.toMatch(/evil|6\.6\.6\.6|h2c|proxy-|keep-alive|content_length|gzip|HTTP2/i);
        if (received.connection.includes('x-hop')) expect(head).not.toMatch(/x-hop/i);
      }),
      { numRuns: 500 },
    );
  });

  it('is the same when it is forwarded once more', () => {
    fc.assert(
      fc.property(request, (x) => {
        const received = readRequest(requestText(x));
        if (received === null) return;
        const once = write(received, STRANGER);
        const again = write(readRequest(once) as RequestHead, STRANGER);
        const own = (text: string): string[] =>
          text
            .split('\r\n')
            .filter((line) => !/^(?:Via|Host):/.test(line))
            .toSorted();
        expect(own(again)).toEqual(own(once));
      }),
    );
  });

  it('for a tunnel asks for it, and the nominations of the client do not go with it', () => {
    const text = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, X-Hop\r\nUpgrade: websocket\r\nX-Hop: 1\r\n\r\n';
    const received = readRequest(text) as RequestHead;
    const forwarded = readRequest(write(received, STRANGER, received.upgrade));
    expect(forwarded).toMatchObject({ upgrade: 'websocket', connection: 'upgrade' });
    expect(forwarded?.fields.get('x-hop')).toBeNull();
  });
});

describe('a response', () => {
  const status = fc.constantFrom(200, 201, 204, 206, 301, 304, 404, 500, 599);
  const reason = value;
  const response = fc.record({
    status,
    reason,
    framing,
    lines: fieldLines,
    date: fc.constantFrom('', 'Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n'),
    answered: fc.constantFrom('GET', 'HEAD', 'POST'),
    minor: fc.constantFrom(1, 1, 0),
    keepAlive: fc.boolean(),
  });
  const OWN_DATE = 'Date: Wed, 02 Jan 2030 00:00:00 GMT\r\n';

  it('that is passed on says what was received', () => {
    fc.assert(
      fc.property(response, (x) => {
        const lines = x.lines.map(({ line }) => line).join('');
        const text = `HTTP/1.1 ${x.status} ${x.reason}\r\n${x.date}Connection: X-Hop\r\nX-Hop: 1\r\n${lines}${x.framing}\r\n`;
        const received = readResponse(text, x.answered);
        if (received === null) throw new Error(`not read: ${text}`);
        const how = responseFraming(received, x.minor);
        const context = {
          minor: x.minor,
          method: x.answered,
          keepAlive: x.keepAlive,
          dateLine: OWN_DATE,
          passage: RESPONSE_PASSAGE,
          from: null,
          extraFields: '',
          edits: null,
        };
        const written = writeResponseHead(received, how, context);
        const { message, problem } = strictly('response', written, x.answered);
        expect(problem).toBeNull();
        expect(message?.head).toBe(written);

        const passed = readResponse(written, x.answered) as ResponseHead;
        expect(passed).toMatchObject({ status: x.status, reason: x.reason, minor: 1, keepAlive: x.keepAlive });
        expect(fieldsOf(passed).filter(([name]) => name.startsWith('Q'))).toEqual(x.lines.map(({ field }) => field));
        expect(passed.fields.get('x-hop')).toBeNull();
        expect(passed.fields.get('date')).toBe((x.date === '' ? OWN_DATE : x.date).slice(6, -2));
        expect(passed.framing).toBe(FRAMING_OF[how]);
        if (how === 'length') expect(passed.contentLength).toBe(received.contentLength);
      }),
      { numRuns: 500 },
    );
  });

  const FRAMING_OF = { none: 'none', length: 'length', chunked: 'chunked', close: 'until-close', stream: '' } as const;

  it('that is interim is passed on without what is for one hop', () => {
    const text =
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\r\n';
    const received = readResponse(text, 'GET') as ResponseHead;
    expect(writeInterimHead(received, RESPONSE_PASSAGE)).toBe('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
  });
});
