import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkedDecoder } from '../../../../src/proxy/http1/chunked-decoder.ts';

const LIMITS = { bytesMax: 256, fieldsMax: 4 };

interface Decoded {
  readonly result: 'more' | 'done' | 'bad';
  readonly data: string;
  /** Bytes of the input that belong to the body. */
  readonly taken: number;
  readonly trailers: readonly (readonly [string, string])[];
}

/** Decodes `text`, cut at these places. */
function decode(text: string, cuts: readonly number[] = []): Decoded {
  const decoder = new ChunkedDecoder(LIMITS);
  const borders = [...new Set([0, ...cuts.map((cut) => Math.min(cut, text.length)), text.length])].toSorted(
    (a, b) => a - b,
  );
  let data = '';
  let result: Decoded['result'] = 'more';
  let taken = 0;
  for (let i = 0; i + 1 < borders.length && result === 'more'; i++) {
    // In the middle of a larger buffer, as a read may leave it.
    const piece = Buffer.from(`<<${text.slice(borders[i], borders[i + 1])}>>`, 'latin1');
    result = decoder.decode(piece, 2, piece.length - 2);
    expect(decoder.dataEnd - decoder.dataStart).toBeLessThanOrEqual(piece.length - 4);
    data += piece.toString('latin1', decoder.dataStart, decoder.dataEnd);
    taken = (borders[i] ?? 0) + decoder.next - 2;
  }
  const section = decoder.trailers;
  const trailers = Array.from({ length: section?.count ?? 0 }, (_, i) => [section?.name(i), section?.value(i)]);
  return { result, data, taken, trailers: trailers as [string, string][] };
}

const END = '0\r\n\r\n';

describe('a chunked body', () => {
  it.each([
    ['nothing', END, ''],
    ['one chunk', `5\r\nhello\r\n${END}`, 'hello'],
    ['several', `2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n${END}`, 'hello'],
    ['upper and lower case sizes', `A\r\n0123456789\r\nb\r\n0123456789a\r\n${END}`, '01234567890123456789a'],
    ['zeros in front', `${'0'.repeat(15)}5\r\nhello\r\n${'0'.repeat(16)}\r\n\r\n`, 'hello'],
    ['data that looks like framing', `7\r\n\r\n0\r\n\r\n\r\n${END}`, '\r\n0\r\n\r\n'],
    ['an extension', `5;a=b\r\nhello\r\n${END}`, 'hello'],
    ['extensions', `5;a;b="c;\\"d\t\xe9";e=f\r\nhello\r\n0;last\r\n\r\n`, 'hello'],
  ])('of %s', (_, text, data) => {
    expect(decode(text)).toEqual({ result: 'done', data, taken: text.length, trailers: [] });
  });

  it('ends where it ends', () => {
    const text = `5\r\nhello\r\n${END}`;
    expect(decode(`${text}GET / HTTP/1.1`)).toMatchObject({ result: 'done', taken: text.length });
    expect(decode(`${text}\r\n`)).toMatchObject({ result: 'done', taken: text.length });
  });

  it('has trailers', () => {
    const text = `1\r\nx\r\n0\r\nX-Sum:  1 \r\nX-Empty:\r\n\r\n`;
    const trailers = [
      ['X-Sum', '1'],
      ['X-Empty', ''],
    ];
    expect(decode(`${text}more`)).toEqual({ result: 'done', data: 'x', taken: text.length, trailers });
  });

  it.each([
    ['no size', '\r\nhello\r\n'],
    ['a sign', '+5\r\nhello\r\n'],
    ['a minus', '-5\r\nhello\r\n'],
    ['a prefix', '0x5\r\nhello\r\n'],
    ['an underscore', '1_0\r\n'],
    ['blank space before the size', ' 5\r\nhello\r\n'],
    ['blank space behind it', '5 \r\nhello\r\n'],
    ['blank space before an extension', '5 ;a=b\r\nhello\r\n'],
    ['a size above 2^52', '10000000000000\r\n'],
    ['a size of 2^64 + 5', '10000000000000005\r\nhello\r\n'],
    ['seventeen zeros', `${'0'.repeat(17)}5\r\nhello\r\n`],
    ['LF behind the size', '5\nhello\r\n'],
    ['CR alone behind the size', '5\rhello\r\n'],
    ['LF behind the data', '5\r\nhello\n0\r\n\r\n'],
    ['no line end behind the data', '5\r\nhello0\r\n\r\n'],
    ['too much data', '5\r\nhello!\r\n'],
    ['an extension without a name', '5;\r\nhello\r\n'],
    ['an extension without a name among others', '5;a;;b\r\nhello\r\n'],
    ['an extension that is a value alone', '5;=b\r\nhello\r\n'],
    ['an extension without the value it begins', '5;a=\r\nhello\r\n'],
    ['a second value', '5;a=b=c\r\nhello\r\n'],
    ['blank space in an extension', '5; a\r\nhello\r\n'],
    ['blank space around "="', '5;a = b\r\nhello\r\n'],
    ['a quoted name', '5;"a"\r\nhello\r\n'],
    ['a quote in the middle of a value', '5;a=b"c"\r\nhello\r\n'],
    ['more behind a closed quote', '5;a="b"c\r\nhello\r\n'],
    ['a quote that never closes', '5;a="b\r\nhello\r\n'],
    ['an escaped line end', '5;a="b\\\r\n"\r\nhello\r\n'],
    ['LF inside of an extension', '5;a\nhello\r\n'],
    ['CR inside of an extension', '5;a\rb\r\nhello\r\n'],
    ['NUL inside of an extension', '5;a\0\r\nhello\r\n'],
    ['bytes above ASCII inside of a token', '5;a=\xe9\r\nhello\r\n'],
    ['4 KiB and more of extensions', `5;${'a'.repeat(4096)}\r\nhello\r\n`],
    ['a trailer without a colon', '0\r\nX-Sum\r\n\r\n'],
    ['a space before the colon of a trailer', '0\r\nX-Sum : 1\r\n\r\n'],
    ['a folded trailer', '0\r\nX-Sum: 1\r\n 2\r\n\r\n'],
    ['LF in the trailers', '0\r\nX-Sum: 1\n\r\n'],
    ['LF behind the trailers', '0\r\nX-Sum: 1\r\n\n'],
    ['anything else than CRLF at the end', '0\r\nxx\r\n'],
    ['a length in the trailers', '0\r\nContent-Length: 5\r\n\r\n'],
    ['a coding in the trailers', '0\r\nX-A: 1\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['Connection in the trailers', '0\r\nConnection: close\r\n\r\n'],
    ['Proxy-Connection in the trailers', '0\r\nProxy-Connection: close\r\n\r\n'],
    ['more trailers than allowed', `0\r\n${'a: b\r\n'.repeat(LIMITS.fieldsMax + 1)}\r\n`],
    ['longer trailers than allowed', `0\r\na: ${'b'.repeat(LIMITS.bytesMax)}\r\n\r\n`],
  ])('is refused: %s', (_, text) => {
    expect(decode(text).result).toBe('bad');
    const everywhere = Array.from({ length: text.length }, (_unused, i) => i);
    expect(decode(text, everywhere).result).toBe('bad');
  });

  it('does not wait for the end of trailers that are too long already', () => {
    expect(decode(`0\r\na: ${'b'.repeat(LIMITS.bytesMax)}`).result).toBe('bad');
  });

  it('holds the extensions of all chunks together to one limit', () => {
    expect(decode(`1;${'a'.repeat(1000)}\r\nx\r\n`.repeat(4) + END).result).toBe('done');
    expect(decode(`1;${'a'.repeat(1000)}\r\nx\r\n`.repeat(5) + END).result).toBe('bad');
  });

  it('stays refused', () => {
    const decoder = new ChunkedDecoder(LIMITS);
    expect(decoder.decode(Buffer.from('x'), 0, 1)).toBe('bad');
    const rest = Buffer.from(`5\r\nhello\r\n${END}`);
    expect(decoder.decode(rest, 0, rest.length)).toBe('bad');
    expect(decoder.dataEnd).toBe(decoder.dataStart);
  });
});

describe('whatever is sent', () => {
  const cuts = fc.array(fc.nat(400), { maxLength: 40 });
  const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  const token = fc.string({
    unit: fc.constantFrom('a', 'b', 'X', 'Z', '0', '9', '-', '_', '~'),
    minLength: 1,
    maxLength: 6,
  });
  const quoted = fc
    .string({ unit: fc.constantFrom('a', ' ', ';', '=', '\\\\', '\\"', '\t', '\xff'), maxLength: 6 })
    .map((text) => `"${text}"`);
  const extension = fc
    .tuple(token, fc.option(fc.oneof(token, quoted)))
    .map(([name, value]) => (value === null ? `;${name}` : `;${name}=${value}`));
  const size = (length: number) =>
    fc
      .tuple(fc.nat(3), fc.boolean())
      .map(([zeros, upper]) => '0'.repeat(zeros) + (upper ? length.toString(16).toUpperCase() : length.toString(16)));
  const line = (length: number) =>
    fc
      .tuple(size(length), fc.array(extension, { maxLength: 2 }))
      .map(([digits, list]) => `${digits}${list.join('')}\r\n`);
  const chunk = bytes
    .filter((data) => data.length > 0)
    .chain((data) => line(data.length).map((head) => ({ data, text: `${head}${data}\r\n` })));
  const trailer = fc.tuple(
    token.map((name) => `X-${name}`),
    fc.string({ unit: fc.constantFrom('a', 'B', '1', ' ', '\xe9', ',', '"'), maxLength: 8 }).map((text) => text.trim()),
  );
  const message = fc
    .record({ chunks: fc.array(chunk, { maxLength: 6 }), last: line(0), trailers: fc.array(trailer, { maxLength: 4 }) })
    .map(({ chunks, last, trailers }) => ({
      text: `${chunks.map(({ text }) => text).join('')}${last}${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
      data: chunks.map(({ data }) => data).join(''),
      trailers,
    }));

  it('any chunking in any segmentation is the same body, with the same end and the same trailers', () => {
    fc.assert(
      fc.property(message, bytes, cuts, ({ text, data, trailers }, behind, places) => {
        const decoded = decode(text + behind, places);
        expect(decoded).toEqual({ result: 'done', data, taken: text.length, trailers });
      }),
      { numRuns: 1000 },
    );
  });

  it('a body of which a part is missing is never done', () => {
    fc.assert(
      fc.property(message, fc.nat(1000), cuts, ({ text }, at, places) => {
        expect(decode(text.slice(0, at % text.length), places).result).toBe('more');
      }),
    );
  });

  const noise = fc.string({
    unit: fc.constantFrom('0', '1', '5', 'a', 'F', ';', '=', '"', '\r', '\n', '\r\n', ' ', ':'),
  });
  const garbage = fc.oneof(
    bytes,
    noise,
    fc.tuple(message, noise, fc.nat(400)).map(([{ text }, odd, at]) => text.slice(0, at) + odd + text.slice(at)),
  );

  it('garbage is read the same in every segmentation, never crashes, and never gives more than came', () => {
    fc.assert(
      fc.property(garbage, cuts, (text, places) => {
        const whole = decode(text);
        const pieces = decode(text, places);
        expect(pieces.result).toBe(whole.result);
        expect(pieces.data).toBe(whole.data);
        expect(pieces.trailers).toEqual(whole.trailers);
        expect(whole.data.length).toBeLessThanOrEqual(text.length);
        if (whole.result === 'done') expect(pieces.taken).toBe(whole.taken);
      }),
      { numRuns: 2000 },
    );
  });
});
