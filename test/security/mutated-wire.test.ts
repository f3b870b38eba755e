/**
 * The catalogue, damaged at random: bits flipped, line ends swapped, lines doubled, requests spliced, framing fields
 * and control characters put where they do not belong. Whatever comes of it, the proxy may forward nothing that the
 * parser of node:http refuses, nor read any of it differently; what it forwards reads strictly; it lives on.
 *
 * Another seed: CUTOVER_FUZZ_SEED=7; more of it: CUTOVER_FUZZ_ROUNDS=100000.
 */
import { expect, test } from 'vitest';
import { seededRandom, type Random } from '../../src/base/random.ts';
import { ALL_CASES } from '../conformance/catalogue.ts';
import { openPlainProxy } from '../helpers/open-proxy.ts';
import { RawBackend } from '../helpers/raw-backend.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { turn } from '../helpers/write-pieces.ts';
import { LlhttpOracle, type OracleRequest } from './llhttp-oracle.ts';

const SEED = Number(process.env['CUTOVER_FUZZ_SEED'] ?? 20_261_120);
const ROUNDS = Number(process.env['CUTOVER_FUZZ_ROUNDS'] ?? 5000);
const LANES = 6;
const SEED_BYTES_MAX = 1500;
const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Plain requests of one kind of connection: what answers, tunnels and waiting add is not about reading. */
const SEEDS = ALL_CASES.filter(
  ({ request, upstream, parts, ending }) =>
    request.length < SEED_BYTES_MAX && upstream === undefined && parts === undefined && ending === undefined,
)
  .map(({ request }) => request)
  .filter((request) => !/^(?:upgrade|expect|connection):.*(?:upgrade|100)/im.test(request) && request !== '');

const ODD_BYTES = [
  '\0',
  '\x01',
  '\t',
  '\n',
  '\x0b',
  '\r',
  '\r\n',
  ' ',
  '\x7f',
  '\x80',
  '\xa0',
  '\xff',
  ':',
  ',',
  ';',
  '"',
  '+',
  '-',
  '0',
];
const ODD_LINES = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: x',
  'Content-Length: 0',
  'Content-Length: 5',
  'Host: b.test',
  'Connection: close, Content-Length',
  ' folded',
  'X',
];

type Damage = (text: string, random: Random) => string;

const DAMAGES: readonly Damage[] = [
  (text, random) =>
    replaceAt(text, at(text, random), (char) => String.fromCharCode(char.charCodeAt(0) ^ (1 << pickInt(random, 8)))),
  (text, random) => replaceAt(text, at(text, random), () => ''),
  (text, random) => insertAt(text, at(text, random), pick(ODD_BYTES, random)),
  (text, random) => insertAt(text, border(text, random), pick(ODD_BYTES, random)),
  (text, random) => insertAt(text, border(text, random), pick(ODD_BYTES, random)),
  (text, random) => replaceLineEnd(text, random, pick(['\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n', '\r\n '], random)),
  (text, random) => doubleLine(text, random),
  (text, random) => insertAt(text, lineStart(text, random), `${pick(ODD_LINES, random)}\r\n`),
  (text, random) => text.slice(0, at(text, random)) + pick(SEEDS, random).slice(at(text, random)),
  (text, random) => text + pick(SEEDS, random),
];

function damaged(random: Random): string {
  let text = pick(SEEDS, random);
  for (let count = 1 + pickInt(random, 3); count > 0; count -= 1) text = pick(DAMAGES, random)(text, random);
  return text;
}

test(
  `${ROUNDS} damaged requests of seed ${SEED} are read as node:http reads them, or refused`,
  { timeout: 60_000 + ROUNDS * 60 },
  async () => {
    const random = seededRandom(SEED);
    const inputs = Array.from({ length: ROUNDS }, () => damaged(random));
    let next = 0;
    let forwarded = 0;
    const wrong: string[] = [];

    await Promise.all(
      Array.from({ length: LANES }, async () => {
        const target = await RawBackend.start({ response: PLAIN });
        const proxy = await openPlainProxy(target.url);
        const oracle = await LlhttpOracle.start();
        for (let text = inputs[next++]; text !== undefined; text = inputs[next++]) {
          const bytes = Buffer.from(text, 'latin1');
          target.rearm({ response: PLAIN });
          await turn();
          await rawExchange({ port: proxy.port, bytes, ending: 'half-close', waitMs: 1500, quietMs: 1500 });
          await turn();
          const seen = target.requests.map(({ startLine, body }) => {
            const [method = '', path = ''] = startLine.split(' ');
            return { method, target: path, body: body.toString('latin1') };
          });
          forwarded += seen.length;
          const difference = differenceOf(seen, await oracle.ask(bytes)) ?? target.problems[0];
          if (difference !== undefined) wrong.push(`${difference}\n  ${JSON.stringify(text)}`);
        }
        const after = await rawExchange({
          port: proxy.port,
          bytes: Buffer.from('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'),
        });
        if (!after.received.toString().endsWith('\r\n\r\nok')) wrong.push('the proxy no longer serves');
        await Promise.all([proxy.close(), target.close(), oracle.close()]);
      }),
    );

    expect(wrong.join('\n')).toBe('');
    // Neither all refused nor all let through: the damage is of the interesting kind.
    expect(forwarded).toBeGreaterThan(ROUNDS / 10);
  },
);

/** What was forwarded has to be some of what node:http reads, in its order: a request may be refused for other reasons. */
function differenceOf(seen: readonly OracleRequest[], oracle: readonly OracleRequest[]): string | undefined {
  let index = 0;
  for (const one of seen) {
    while (index < oracle.length && !isSame(one, oracle[index])) index += 1;
    if (index === oracle.length)
      return `forwarded ${JSON.stringify(one)}, and node:http reads ${JSON.stringify(oracle)}`;
    index += 1;
  }
  return undefined;
}

function isSame(one: OracleRequest, other: OracleRequest | undefined): boolean {
  if (other === undefined) return false;
  return one.method === other.method && one.target === originForm(other) && one.body === other.body;
}

/** node:http gives an absolute target as it came. */
function originForm({ method, target }: OracleRequest): string {
  const match = /^https?:\/\/[^/?#]*(.*)$/i.exec(target);
  if (match === null) return target;
  const rest = match[1] ?? '';
  if (rest === '' && method === 'OPTIONS') return '*';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function pickInt(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[pickInt(random, items.length)] as T;
}

function at(text: string, random: Random): number {
  return pickInt(random, text.length);
}

/** Where one token ends and the next begins. */
function border(text: string, random: Random): number {
  const borders = [...text.matchAll(/[\r\n :;,]/g)].map(({ index }) => index + pickInt(random, 2));
  return borders.length === 0 ? 0 : pick(borders, random);
}

function lineStart(text: string, random: Random): number {
  const starts = [...text.matchAll(/\r\n/g)].map(({ index }) => index + 2);
  return starts.length === 0 ? 0 : pick(starts, random);
}

function insertAt(text: string, index: number, inserted: string): string {
  return text.slice(0, index) + inserted + text.slice(index);
}

function replaceAt(text: string, index: number, replace: (char: string) => string): string {
  return text === '' ? text : text.slice(0, index) + replace(text.charAt(index)) + text.slice(index + 1);
}

function replaceLineEnd(text: string, random: Random, end: string): string {
  const index = lineStart(text, random);
  return index < 2 ? text : text.slice(0, index - 2) + end + text.slice(index);
}

function doubleLine(text: string, random: Random): string {
  const start = lineStart(text, random);
  const end = text.indexOf('\r\n', start);
  return end < 0 ? text : insertAt(text, start, text.slice(start, end + 2));
}
