/** What every store does, whatever it keeps things in. A new one is one line: `describeStore('name', open)`. */
import { describe, expect, it } from 'vitest';

import type { ServiceRecord } from '../../../../src/control/state/control-state.ts';
import {
  AUDIT_ENTRIES_MAX,
  type Commit,
  GENERATIONS_MAX,
  IDEMPOTENCY_KEYS_MAX,
  RECEIPTS_MAX,
  type Store,
} from '../../../../src/control/store/store.ts';
import type { Actor, AuditEntry, Receipt } from '../../../../src/schema/api.ts';
import { serviceWithDefaults } from '../../../../src/schema/with-defaults.ts';
import { compileService } from '../../../../src/snapshot/compile.ts';
import { SHOP } from '../../../helpers/start-control.ts';

export interface OpenStore {
  readonly store: Store;
  /** Another store over the same data, as after a restart; `null`: it keeps nothing. */
  readonly reopen: (() => Promise<Store>) | null;
}

export function describeStore(name: string, open: () => Promise<OpenStore>): void {
  describe(name, () => {
    it('is empty at first', async () => {
      const { store } = await open();
      expect(await store.load()).toEqual({ generation: 0, services: new Map(), deleted: new Set() });
      expect(await store.receipts('shop', 10)).toEqual([]);
      expect(await store.generations(10)).toEqual([]);
      expect(await store.audit(10)).toEqual([]);
    });

    it('gives back what was committed, and nothing of services that went', async () => {
      const { store } = await open();
      await store.commit(
        commitOf(1, {
          services: new Map([
            ['shop', recordOf('shop')],
            ['cart', recordOf('cart')],
          ]),
        }),
      );
      await store.commit(commitOf(2, { services: new Map([['cart', null]]), deleted: new Set(['cart']) }));
      const state = await store.load();
      expect(state.generation).toBe(2);
      expect([...state.services]).toEqual([['shop', recordOf('shop')]]);
      expect([...state.deleted]).toEqual(['cart']);
    });

    it('refuses a generation that does not follow, and keeps nothing of it', async () => {
      const { store } = await open();
      await store.commit(commitOf(1));
      await expect(store.commit(commitOf(3, { receipts: [receiptOf('co_3')] }))).rejects.toThrow('3');
      expect((await store.load()).generation).toBe(1);
      expect(await store.receipt('co_3')).toBeNull();
      expect(await store.generation(3)).toBeNull();
    });

    it('keeps a state that was loaded as it was when later commits come', async () => {
      const { store } = await open();
      await store.commit(commitOf(1, { services: new Map([['shop', recordOf('shop')]]) }));
      const before = await store.load();
      await store.commit(commitOf(2, { services: new Map([['shop', null]]) }));
      expect([...before.services.keys()]).toEqual(['shop']);
    });

    it('gives receipts by id, and those of one service newest first', async () => {
      const { store } = await open();
      await store.commit(commitOf(1, { receipts: [receiptOf('co_1')] }));
      await store.commit(commitOf(2, { receipts: [receiptOf('co_2', 'cart')] }));
      await store.commit(commitOf(3, { receipts: [receiptOf('co_3')] }));
      expect((await store.receipts('shop', 10)).map(({ id }) => id)).toEqual(['co_3', 'co_1']);
      expect((await store.receipts('shop', 1)).map(({ id }) => id)).toEqual(['co_3']);
      expect(await store.receipt('co_2')).toEqual(receiptOf('co_2', 'cart'));
      expect(await store.receipt('co_9')).toBeNull();
    });

    it('brings a committed receipt up to date, and makes none of its own', async () => {
      const { store } = await open();
      await store.commit(commitOf(1, { receipts: [receiptOf('co_1')] }));
      await store.saveReceipt({ ...receiptOf('co_1'), barrierMs: 2.5 });
      await store.saveReceipt(receiptOf('co_2'));
      expect((await store.receipt('co_1'))?.barrierMs).toBe(2.5);
      expect(await store.receipt('co_2')).toBeNull();
    });

    it('knows an idempotency key from its commit on, and its answer from when it was given', async () => {
      const { store } = await open();
      const claim = { key: 'k1', fingerprint: 'f1' };
      expect(await store.idempotencyKey('k1')).toBeNull();
      await store.commit(commitOf(1, { idempotency: claim }));
      const record = { ...claim, generation: 1, committedAtMs: AT_MS };
      expect(await store.idempotencyKey('k1')).toEqual({ ...record, answer: null });
      const answer = { status: 201, headers: { Location: '/x' }, body: '{}' };
      await store.saveAnswer('k1', answer);
      await store.saveAnswer('k2', answer);
      expect(await store.idempotencyKey('k1')).toEqual({ ...record, answer });
      expect(await store.idempotencyKey('k2')).toBeNull();
    });

    it('lists generations and audit entries newest first', async () => {
      const { store } = await open();
      await store.commit(commitOf(1));
      await store.appendAudit(auditOf('refused one'));
      await store.commit(commitOf(2));
      expect((await store.generations(10)).map(({ number }) => number)).toEqual([2, 1]);
      expect((await store.generations(1)).map(({ number }) => number)).toEqual([2]);
      expect((await store.generation(1))?.summary).toBe('change 1');
      expect((await store.audit(2)).map(({ detail }) => detail)).toEqual(['change 2', 'refused one']);
    });

    it('forgets the oldest beyond its limits', { timeout: 120_000 }, async () => {
      const { store } = await open();
      const most = Math.max(RECEIPTS_MAX, GENERATIONS_MAX, AUDIT_ENTRIES_MAX, IDEMPOTENCY_KEYS_MAX) + 1;
      for (let n = 1; n <= most; n++) {
        const idempotency = { key: `k${n}`, fingerprint: 'f' };
        await store.commit(commitOf(n, { receipts: [receiptOf(`co_${n}`)], idempotency }));
      }
      expect(await store.receipt('co_1')).toBeNull();
      expect(await store.receipt(`co_${most - RECEIPTS_MAX + 1}`)).not.toBeNull();
      expect(await store.idempotencyKey('k1')).toBeNull();
      expect(await store.idempotencyKey(`k${most - IDEMPOTENCY_KEYS_MAX + 1}`)).not.toBeNull();
      expect(await store.generations(most)).toHaveLength(GENERATIONS_MAX);
      expect(await store.audit(most)).toHaveLength(AUDIT_ENTRIES_MAX);
    });

    it('has everything again after a restart, where it keeps anything', async () => {
      const { store, reopen } = await open();
      if (reopen === null) return;
      const idempotency = { key: 'k1', fingerprint: 'f1' };
      const services = new Map([['shop', recordOf('shop')]]);
      await store.commit(commitOf(1, { services, receipts: [receiptOf('co_1')], idempotency }));
      const before = await store.load();
      await store.close();
      const again = await reopen();
      expect(await again.load()).toEqual(before);
      expect(await again.receipt('co_1')).toEqual(receiptOf('co_1'));
      expect(await again.idempotencyKey('k1')).toMatchObject({ key: 'k1', answer: null });
      expect(await again.audit(1)).toHaveLength(1);
    });
  });
}

const AT_MS = Date.UTC(2030, 0, 1);
const AT = new Date(AT_MS).toISOString();
const ACTOR: Actor = { kind: 'api', name: 'tester', address: '127.0.0.1' };

function commitOf(number: number, more: Partial<Commit> = {}): Commit {
  const summary = `change ${number}`;
  return {
    generation: { number, at: AT, actor: ACTOR, kind: 'config', summary, changes: [] },
    services: new Map(),
    deleted: new Set(),
    receipts: [],
    idempotency: null,
    audit: auditOf(summary),
    ...more,
  };
}

function recordOf(name: string): ServiceRecord {
  const stickySecret = 'a secret of the test';
  const spec = compileService(name, serviceWithDefaults(SHOP), null, { stickySecret });
  return { name, document: SHOP, base: null, earlierSplits: [{ green: 100 }], spec, stickySecret };
}

function receiptOf(id: string, service = 'shop'): Receipt {
  return {
    id,
    kind: 'cutover',
    service,
    from: { blue: 100 },
    to: { green: 100 },
    generation: { before: 1, after: 2 },
    requestedAt: AT,
    appliedAt: null,
    barrierMs: null,
    workers: { total: 1, applied: 0, fenced: 0 },
    drainTimeout: null,
    drain: { state: 'draining', inFlightAtFlip: 1, completed: 0, cut: 0, remaining: 1, longLived: 0 },
  };
}

function auditOf(detail: string): AuditEntry {
  return {
    at: AT,
    actor: ACTOR,
    requestId: 'r1',
    kind: 'config',
    service: null,
    result: 'applied',
    problem: null,
    detail,
    generation: { before: 0, after: 1 },
  };
}
