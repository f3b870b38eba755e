import fc from 'fast-check';
import { expect, it } from 'vitest';

import { AccessLog } from '../../../src/proxy/access-log.ts';
import type { RequestHead } from '../../../src/proxy/http1/request-head.ts';
import { Origin, type Provenance } from '../../../src/proxy/origin.ts';
import { manualClock } from '../../helpers/manual-clock.ts';

function logged(use: (log: AccessLog) => void, hasQuery = true): string[] {
  const lines: string[] = [];
  const sink = { dropped: 0, write: (line: string) => void lines.push(line), reopen() {}, async close() {} };
  use(new AccessLog(manualClock(), sink, hasQuery));
  return lines;
}

const origin = new Origin('203.0.113.9', false, 'http', '192.0.2.1:80', 'web');
const head = (method: string, target: string) =>
  ({ method, target, pathEnd: target.length, version: '1.1', authority: 'a.test' }) as RequestHead;
const from = (authority: string) => ({ clientAddress: '203.0.113.9', authority }) as Provenance;

/** As the parts of a head are read: every byte a character. And what a cut could tear apart, more often than by chance. */
const said = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 3_000 }),
  fc.string({ unit: fc.constantFrom('\\', '"', 'a', '\u0085', '\n'), maxLength: 3_000 }),
);

it('is one line of ASCII and of JSON that fits into one write to a pipe, whatever is said', () => {
  fc.assert(
    fc.property(said, said, said, said, (method, target, authority, id) => {
      const [line = ''] = logged((log) => {
        log
          .begin(origin, head(method, target), from(authority), id, 'shop', 7)
          .end(200, { name: 'blue', version: id }, null);
      });
      expect(line).toMatch(/^[\x20-\x7e]+\n$/);
      expect(line.length).toBeLessThan(4_096);
      expect(JSON.parse(line)).toMatchObject({ client: '203.0.113.9', service: 'shop', status: 200, pool: 'blue' });
    }),
    { numRuns: 300 },
  );
});

it('has what was said as it was said, unless it is long', () => {
  fc.assert(
    fc.property(said, (target) => {
      const [line = '{}'] = logged((log) => log.refused(origin, head('GET', target), 'no_service', 'id'));
      const path = (JSON.parse(line) as { path: string }).path;
      expect(target.startsWith(path)).toBe(true);
      if (target.length <= 300) expect(path).toBe(target);
    }),
    { numRuns: 300 },
  );
});

it('is made once, by the first end, with the failure that was known then', () => {
  const lines = logged((log) => {
    const entry = log.begin(origin, head('GET', '/'), from('a.test'), 'id', 'shop', 7);
    entry.refuse('queue_full', { name: 'blue', version: '1' });
    entry.end(200, null, null);
    entry.refuse('internal');
  });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ status: 503, failure: 'queue_full', pool: 'blue' }]);
});
