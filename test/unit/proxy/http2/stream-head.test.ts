import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestHead } from '../../../../src/proxy/http1/request-head.ts';
import { readTrailers, StreamHeadReader } from '../../../../src/proxy/http2/stream-head.ts';

const LIMITS = { requestLineBytesMax: 1_000, headBytesMax: 4_000, fieldsMax: 20 };

function readerOf() {
  const head = new RequestHead(LIMITS);
  return { head, reader: new StreamHeadReader(head, LIMITS) };
}

const PSEUDO = [':method', 'GET', ':scheme', 'https', ':authority', 'app.test', ':path', '/a?b'];

function fieldsOf({ fields }: RequestHead): [string, string][] {
  return Array.from({ length: fields.count }, (_, index) => [fields.name(index), fields.value(index)]);
}

describe('the head of a stream', () => {
  it('is read as the head of HTTP/1.1 that it stands for', () => {
    const { head, reader } = readerOf();
    expect(reader.read([...PSEUDO, 'x-a', 'b', 'te', 'trailers'], false)).toBeNull();
    expect(head).toMatchObject({
      method: 'GET',
      target: '/a?b',
      pathEnd: 2,
      host: 'app.test',
      authority: 'app.test',
      version: '2.0',
      framing: 'none',
      takesTrailers: true,
      upgrade: '',
    });
    expect(fieldsOf(head)).toEqual([
      ['x-a', 'b'],
      ['te', 'trailers'],
      ['host', 'app.test'],
    ]);
  });

  it('can be read again from its bytes, as HTTP/1.1', () => {
    const { head, reader } = readerOf();
    reader.read([...PSEUDO, 'content-length', '5'], true);
    const bytes = head.copyBytes();
    expect(bytes.toString()).toBe('GET /a?b HTTP/1.1\r\ncontent-length: 5\r\nhost: app.test\r\n\r\n');
    const again = new RequestHead(LIMITS);
    expect([again.read(bytes, 0, bytes.length), again.interpret()]).toEqual(['done', null]);
    expect(again.contentLength).toBe(5);
  });

  it.each([
    ['with a length', ['content-length', '5'], true, 'length', 5],
    ['with a length of none', ['content-length', '0'], true, 'none', 0],
    ['with no length', [], true, 'chunked', 0],
    ['that is none', [], false, 'none', 0],
  ] as const)('frames a body %s', (_, fields, hasBody, framing, contentLength) => {
    const { head, reader } = readerOf();
    expect(reader.read([...PSEUDO, ...fields], hasBody)).toBeNull();
    expect(head).toMatchObject({ framing, contentLength });
  });

  it('takes host where there is no authority, and an authority that is the same', () => {
    const { head, reader } = readerOf();
    const withoutAuthority = [...PSEUDO.slice(0, 4), ...PSEUDO.slice(6)];
    expect(reader.read([...withoutAuthority, 'host', 'APP.test:81'], false)).toBeNull();
    expect([head.host, head.authority]).toEqual(['app.test', 'APP.test:81']);
    expect(reader.read([...PSEUDO, 'host', 'App.Test'], false)).toBeNull();
    expect(fieldsOf(head)).toEqual([['host', 'app.test']]);
    expect(reader.read([...PSEUDO, 'host', 'other.test'], false)).toBe('bad_host');
    expect(reader.read(withoutAuthority, false)).toBe('bad_host');
  });

  it('takes an asterisk of OPTIONS alone', () => {
    const { head, reader } = readerOf();
    const asterisk = (method: string) => [':method', method, ':scheme', 'http', ':authority', 'a', ':path', '*'];
    expect(reader.read(asterisk('OPTIONS'), false)).toBeNull();
    expect(head.target).toBe('*');
    expect(reader.read(asterisk('GET'), false)).toBe('malformed_request');
  });

  it('remembers nothing of the head before it', () => {
    const { head, reader } = readerOf();
    reader.read([...PSEUDO, 'cookie', 'a=1', 'content-length', '7'], true);
    expect(reader.read(PSEUDO.slice(2), false)).toBe('malformed_request');
    expect(reader.read(PSEUDO, false)).toBeNull();
    expect(fieldsOf(head)).toEqual([['host', 'app.test']]);
    expect(head).toMatchObject({ framing: 'none', contentLength: 0 });
  });

  it('has its limits, in bytes and in fields', () => {
    const { reader } = readerOf();
    expect(reader.read([...PSEUDO.slice(0, 7), `/${'a'.repeat(1_000)}`], false)).toBe('target_too_long');
    expect(reader.read([...PSEUDO, 'x-a', 'a'.repeat(4_000)], false)).toBe('head_too_large');
    const crumbs = Array.from({ length: 21 }, () => ['cookie', 'a=1']).flat();
    expect(reader.read([...PSEUDO, ...crumbs], false)).toBe('head_too_large');
    expect(reader.read([...PSEUDO, ...crumbs.slice(2)], false)).toBeNull();
  });

  /** Bytes that mean something to somebody, and some that do not. */
  const bytes = fc.string({
    unit: fc.constantFrom(...Array.from('ab:A /?#%.\\"\r\n\t\0,;=*\u0080\u00ff')),
    maxLength: 12,
  });
  const name = fc.oneof(
    fc.constantFrom('x-a', 'host', 'te', 'cookie', 'connection', 'content-length', 'upgrade'),
    bytes,
  );
  const value = fc.oneof(fc.constantFrom('trailers', '0', '5', 'app.test'), bytes);
  const pseudo = fc.oneof(
    { weight: 3, arbitrary: fc.constant(PSEUDO) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(':method', ':scheme', ':authority', ':path'), bytes)
        .map(([which, other]) => PSEUDO.map((one, index) => (PSEUDO[index - 1] === which ? other : one))),
    },
  );

  it('is refused, or says exactly what it said, field by field', () => {
    const { head, reader } = readerOf();
    fc.assert(
      fc.property(pseudo, fc.array(fc.tuple(name, value), { maxLength: 5 }), fc.boolean(), (line, pairs, hasBody) => {
        if (reader.read([...line, ...pairs.flat()], hasBody) !== null) return;
        const said = pairs.filter(([one]) => one !== 'cookie' && one !== 'host').map(([one, of]) => [one, trimmed(of)]);
        const crumbs = pairs.filter(([one]) => one === 'cookie').map(([, of]) => of);
        const read = fieldsOf(head);
        expect(read.slice(0, said.length)).toEqual(said);
        const added = new Map(read.slice(said.length));
        expect(added.size).toBe(read.length - said.length);
        expect([...added.keys()].every((one) => ADDED.has(one))).toBe(true);
        if (crumbs.some((one) => one !== ''))
          expect(added.get('cookie')).toBe(trimmed(crumbs.filter(String).join('; ')));
        expect([head.method, head.target]).toEqual([line[1], line[7]]);
      }),
      { numRuns: 3_000 },
    );
  });

  const ADDED = new Set(['cookie', 'host', 'transfer-encoding', 'content-length']);
});

/** White space around a value is no part of it (RFC 9110 section 5.5). */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}

describe('trailers of a stream', () => {
  it('are a field section', () => {
    const section = readTrailers(['x-a', 'b', 'x-c', 'd']);
    expect(section?.count).toBe(2);
    expect(section?.get('x-c')).toBe('d');
  });

  it.each([
    ['a pseudo-field', [':path', '/']],
    ['a name in capitals', ['X-A', 'b']],
    ['a line end', ['x-a', 'b\r\nx-c: d']],
    ['too many bytes', ['x-a', 'b'.repeat(9_000)]],
  ])('with %s are none', (_, raw) => {
    expect(readTrailers(raw)).toBeNull();
  });
});
