/**
 * What blocks of fields of HTTP/2 cost: nanoseconds to read those that requests have, as node:http2 sends them, and to write those of
 * answers, with a table that remembers what repeats and without one, and how many bytes they come to. Beside that, what Node's own
 * functions cost that do the least of the same: to copy the text of a head, and to make its fields. A codec of its own to call it has not.
 *
 *     node bench/hpack.ts
 */
import { connect } from 'node:http2';
import { createServer, type AddressInfo } from 'node:net';
import { HpackDecoder } from '../src/proxy/http2/hpack/decoder.ts';
import { blockBytesMax, HpackEncoder } from '../src/proxy/http2/hpack/encoder.ts';

/** Blocks of one turn, and turns of which the best counts: all cases have one in each round. */
const BLOCKS = 20_000;
const ROUNDS = 25;
/** Blocks that differ from each other, as those of one connection do; the first ones, which fill the tables, are not measured. */
const VARIANTS = 64;

interface Case {
  readonly name: string;
  /** Handles one block, and returns its bytes. */
  readonly run: (turn: number) => number;
}

const BROWSER = {
  ':authority': 'shop.example.com',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-GB,en;q=0.9',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  cookie: 'uid=4711-0815-abcdef; theme=dark; consent=yes',
};

const SMALL_ANSWER = 'server: cutover\r\ncontent-type: text/plain\r\n';
const LARGE_ANSWER =
  'Server: cutover\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-cache, no-store, must-revalidate\r\n' +
  'Vary: Accept-Encoding, Cookie\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains; preload\r\n' +
  "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nContent-Security-Policy: default-src 'self'; img-src *\r\n";

/** Thirty-two in a second. */
function heads(lines: string): readonly string[] {
  return Array.from({ length: VARIANTS }, (_, i) => {
    const date = `Date: ${new Date(1_700_000_000_000 + (i >> 5) * 1000).toUTCString()}\r\n`;
    const head = `HTTP/1.1 200 OK\r\n${date}${lines}Content-Length: ${100 + i}\r\nETag: "65a-${4711 * i}"\r\n\r\n`;
    // Flat, as if it had been written once before.
    return Buffer.from(head, 'latin1').toString('latin1');
  });
}

function readingCase(name: string, blocks: readonly Buffer[]): Case {
  const decoder = new HpackDecoder(4096);
  const fields: string[] = [];
  const run = (turn: number): number => {
    const block = blocks[turn] as Buffer;
    fields.length = 0;
    if (decoder.decode(block, 0, block.length, fields, 65_536, 100) !== 'done')
      throw new Error('the block was not read');
    return block.length;
  };
  // The first blocks fill the table; the later ones only name what is in it, so they can be read again and again.
  for (let turn = 0; turn < VARIANTS; turn++) run(turn);
  return { name, run: (turn) => run(VARIANTS + (turn % VARIANTS)) };
}

function writingCase(name: string, lines: string, tableBytes: number): Case {
  const texts = heads(lines);
  const encoder = new HpackEncoder();
  encoder.setTableBytesMax(tableBytes);
  const into = Buffer.alloc(blockBytesMax(texts.at(-1) ?? '') + 64);
  const run = (turn: number): number => encoder.writeHead(texts[turn % VARIANTS] as string, into, 0);
  for (let turn = 0; turn < VARIANTS; turn++) run(turn);
  return { name, run };
}

function copyingCase(name: string, lines: string): Case {
  const texts = heads(lines);
  const into = Buffer.alloc(4096);
  return { name, run: (turn) => into.write(texts[turn % VARIANTS] as string, 0, 'latin1') };
}

function splittingCase(name: string, lines: string): Case {
  const texts = heads(lines);
  return {
    name,
    run: (turn) => {
      const text = texts[turn % VARIANTS] as string;
      text.split('\r\n').map((line) => line.split(': '));
      return text.length;
    },
  };
}

/** The blocks that a client of node:http2 sends, one after the other on one connection. */
async function blocksOf(headers: Readonly<Record<string, string>>): Promise<readonly Buffer[]> {
  const blocks: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let received = Buffer.alloc(0);
  let at = 24; // behind the preface
  const server = createServer((socket) => {
    socket.write(Buffer.from('000000040000000000000000040100000000', 'hex'));
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      for (; received.length >= at + 9 && received.length >= at + 9 + received.readUIntBE(at, 3);) {
        const end = at + 9 + received.readUIntBE(at, 3);
        if (received[at + 3] === 1) blocks.push(received.subarray(at + 9, end));
        at = end;
      }
      if (blocks.length >= VARIANTS * 2) resolve();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on('error', () => undefined);
  for (let i = 0; i < VARIANTS * 2; i++) {
    session
      .request({ ...headers, ':path': `/catalog/items/${4711 + i}?page=${i}` }, { endStream: true })
      .on('error', () => undefined);
  }
  await promise;
  session.destroy();
  server.close();
  return blocks;
}

function nanosPerBlock(one: Case): number {
  const startedMs = performance.now();
  let bytes = 0;
  for (let turn = 0; turn < BLOCKS; turn++) bytes += one.run(turn);
  const nanos = ((performance.now() - startedMs) * 1e6) / BLOCKS;
  if (bytes === 0) throw new Error('nothing was handled');
  return nanos;
}

const cases: readonly Case[] = [
  readingCase('read a small request', await blocksOf({ ':authority': 'shop.example.com' })),
  readingCase('read a request of a browser', await blocksOf(BROWSER)),
  ...Object.entries({ 'a small answer': SMALL_ANSWER, 'an answer of many lines': LARGE_ANSWER }).flatMap(
    ([name, lines]) => [
      writingCase(`write ${name}`, lines, 4096),
      writingCase(`write ${name}, no table`, lines, 0),
      copyingCase(`(copy ${name}, Buffer.write)`, lines),
      splittingCase(`(split ${name}, String.split)`, lines),
    ],
  ),
];
const nanos = cases.map(() => Infinity);
for (let round = 0; round < ROUNDS; round++) {
  for (const [at, one] of cases.entries()) nanos[at] = Math.min(nanos[at] as number, nanosPerBlock(one));
}
for (const [at, { name, run }] of cases.entries()) {
  console.log(
    `${name.padEnd(44)} ${(nanos[at] as number).toFixed(0).padStart(6)} ns  ${String(run(7)).padStart(5)} bytes`,
  );
}
