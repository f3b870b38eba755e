/** Who is drawn for copies: the same users everywhere, the more the larger the share, and others than the split draws. */
import { expect, test } from 'vitest';

import { slotOf } from '../../../src/base/hash.ts';
import { isDrawnForMirror } from '../../../src/proxy/decide-mirror.ts';
import type { BoundService } from '../../../src/proxy/routing.ts';
import type { RequestFacts } from '../../../src/proxy/split/request-facts.ts';
import type { AffinityKey, AffinitySpec, MirrorSpec } from '../../../src/snapshot/types.ts';

const USERS = Array.from({ length: 2_000 }, (_, index) => `user-${index}`);
const BY_FIELD: AffinityKey = { kind: 'header', name: 'x-user' };
const BY_COOKIE: AffinityKey = { kind: 'cookie', name: 'uid' };
const ISSUE: AffinitySpec['issue'] = { name: 'uid', attributes: '', isAlwaysSecure: false };

interface Draw {
  readonly share: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly keys?: readonly AffinityKey[];
  readonly issue?: AffinitySpec['issue'];
  readonly user?: string;
  readonly random?: number;
}

/** What chance is asked for where it must not be. */
const noChance = (): number => {
  throw new Error('nothing is left to chance here');
};

function isDrawn({ share, fields = {}, keys = [BY_FIELD], issue = null, user, random }: Draw): boolean {
  const service = { spec: { affinity: { keys, salt: 'shop', issue } } } as unknown as BoundService;
  const facts = { field: (name: string) => fields[name] ?? null } as unknown as RequestFacts;
  const known = user === undefined ? null : { id: user, key: BY_FIELD, isNew: false };
  const next = random === undefined ? noChance : () => random;
  return isDrawnForMirror(service, { share, salt: 'shop mirror' } as MirrorSpec, facts, known, { next });
}

const drawnBy = (share: number): string[] => USERS.filter((user) => isDrawn({ share, fields: { 'x-user': user } }));

test('a known user is drawn or not, by nothing but who that is', () => {
  const [user = ''] = drawnBy(100);
  expect(isDrawn({ share: 100, user })).toBe(true);
  expect(isDrawn({ share: 100, user, fields: { 'x-user': 'somebody else' } })).toBe(true);
  expect(isDrawn({ share: 100, fields: { 'x-user': user } })).toBe(true);
});

test('who is drawn stays so while the share grows', () => {
  const [few, more, most] = [drawnBy(500), drawnBy(2_000), drawnBy(9_000)];
  expect(few.filter((user) => !more.includes(user))).toEqual([]);
  expect(more.filter((user) => !most.includes(user))).toEqual([]);
  for (const [users, percent] of [
    [few, 5],
    [more, 20],
    [most, 90],
  ] as const) {
    // Three standard deviations; by the hash, which is the same in every run.
    expect(Math.abs(users.length / 20 - percent)).toBeLessThan(3 * Math.sqrt((percent * (100 - percent)) / 2_000));
  }
});

test('who is drawn has nothing to do with who is in a small share of the split', () => {
  const canary = new Set(USERS.filter((user) => slotOf('shop', user) < 2_000));
  const both = drawnBy(2_000).filter((user) => canary.has(user));
  // Of those in the canary the same share as of all; three standard deviations, by the hash.
  expect(Math.abs(both.length / canary.size - 0.2)).toBeLessThan(3 * Math.sqrt((0.2 * 0.8) / canary.size));
});

test.each<readonly [string, Omit<Draw, 'share'>]>([
  ['without affinity', { keys: [] }],
  ['that affinity does not know', { fields: {} }],
  [
    'that is to be given an id, and has none yet',
    { keys: [BY_COOKIE, BY_FIELD], issue: ISSUE, fields: { 'x-user': 'a' } },
  ],
])('a request %s is drawn by chance', (_, request) => {
  expect(isDrawn({ ...request, share: 5_000, random: 0.499 })).toBe(true);
  expect(isDrawn({ ...request, share: 5_000, random: 0.5 })).toBe(false);
});

test('nothing is left to chance where all or nothing is copied', () => {
  expect(isDrawn({ share: 10_000, keys: [] })).toBe(true);
  expect(isDrawn({ share: 0, keys: [] })).toBe(false);
});
