import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';

import { MemoryStore } from '../../src/control/store/memory-store.ts';
import type { IdempotencyRecord, Store } from '../../src/control/store/store.ts';
import type { Receipt } from '../../src/schema/api.ts';
import { answer, carryOut, receipt } from './store-changes.ts';

/**
 * Fails unless the store holds the changes 1 to n and nothing else, each whole, for an n of `acknowledged` or, if one
 * was under way, one more. Gives n.
 */
export async function expectWhole(store: Store, acknowledged: number, underWay: 0 | 1): Promise<number> {
  const state = await store.load();
  const n = state.generation;
  expect(n).toBeGreaterThanOrEqual(acknowledged);
  expect(n).toBeLessThanOrEqual(acknowledged + underWay);
  const facts = await factsOf(store, n);
  const expected = await factsOf(await modelAfter(n), n);
  // Deep comparison first: the matcher makes its picture of the difference even where there is none.
  if (!isDeepStrictEqual(facts, expected)) expect(facts).toEqual(expected);
  return n;
}

async function modelAfter(n: number): Promise<Store> {
  const model = new MemoryStore();
  for (let number = 1; number <= n; number++) await carryOut(model, number);
  return model;
}

async function factsOf(store: Store, n: number) {
  const { generation, services, deleted } = await store.load();
  const numbers = Array.from({ length: n }, (_, index) => index + 1);
  return {
    generation,
    services: [...services],
    deleted: [...deleted],
    receipts: await Promise.all(numbers.map(async (number) => concluded(await store.receipt(`co_${number}`), number))),
    keys: await Promise.all(
      numbers.map(async (number) => answered(await store.idempotencyKey(`key-${number}`), number)),
    ),
    generations: await store.generations(n + 1),
    audit: await store.audit(n + 1),
    receiptAfter: await store.receipt(`co_${n + 1}`),
    keyAfter: await store.idempotencyKey(`key-${n + 1}`),
  };
}

/** What follows a change may have been under way when its process ended: it is there, or it is as it was before. */
function concluded(found: Receipt | null, n: number): Receipt | null {
  return isDeepStrictEqual(found, receipt(n)) ? receipt(n, n) : found;
}

function answered(found: IdempotencyRecord | null, n: number): IdempotencyRecord | null {
  return found?.answer === null ? { ...found, answer: answer(n) } : found;
}
