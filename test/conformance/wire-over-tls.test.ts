/**
 * The whole catalogue over TLS: what a listener decides about bytes, and how it ends their connection, is the same there.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { createAuthority } from '../helpers/certificates.ts';
import { openPlainProxy } from '../helpers/open-proxy.ts';
import { ALL_CASES } from './catalogue.ts';
import { describeVerdict, type Verdict } from './judge.ts';
import { playCatalogue } from './play-catalogue.ts';
import type { WireCase } from './wire-case.ts';
import type { ProxyUnderTest } from './wire-lane.ts';

const LANES = 16;
const authority = createAuthority();
const folder = mkdtempSync(path.join(tmpdir(), 'cutover-wire-'));
const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
/** What these say of the scheme and its port is said of a plain listener. */
const OF_PLAIN = new Set(['fwd-conn-nominates-xfp', 'fwd-xfp-spoof', 'fwd-xfport-spoof', 'fwd-xfscheme-spoof']);
const CASES = ALL_CASES.filter(({ id }) => !OF_PLAIN.has(id));

async function openSecureProxy(targetUrl: string): Promise<ProxyUnderTest> {
  const proxy = await openPlainProxy(targetUrl, { protocol: 'https', tls: { certificates: [{ cert, key }] } });
  return { port: proxy.port, close: () => proxy.close(), tls: { ca: authority.cert } };
}

afterAll(() => rmSync(folder, { recursive: true }));

test('every case ends as it does without TLS', async () => {
  const issued = authority.issue({ names: ['dns:localhost'] });
  writeFileSync(cert, issued.cert);
  writeFileSync(key, issued.key);
  const suspects = await wrongOf(CASES, LANES);
  // Beside so many others a case of two hundred requests may take longer than it is waited for.
  const cases = suspects.map(({ wireCase }) => wireCase);
  const wrong = cases.length === 0 ? [] : await wrongOf(cases, 1);
  expect(wrong.map(({ wireCase, verdict }) => `${wireCase.id}: ${describeVerdict(verdict)}`)).toEqual([]);
});

async function wrongOf(cases: readonly WireCase[], lanes: number) {
  const plays = cases.map((wireCase) => ({ wireCase, pieces: 'whole' as const }));
  const verdicts = await playCatalogue(plays, { lanes, openProxy: openSecureProxy });
  const played = cases.map((wireCase, index) => ({ wireCase, verdict: verdicts[index] as Verdict }));
  return played.filter(({ verdict }) => verdict.violations.length > 0);
}
