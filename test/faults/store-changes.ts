import type { ServiceRecord } from '../../src/control/state/control-state.ts';
import type { Commit, Store, StoredAnswer } from '../../src/control/store/store.ts';
import type { Receipt } from '../../src/schema/api.ts';

/*
 * A history of changes that is the same in every process: change n is always the same, and so is all that a store must
 * hold after it.
 */

const AT = '2030-01-01T00:00:00.000Z';
const SERVICES = 3;

/** Makes the generation n: one service is put, every fifth time one goes. */
export function change(n: number): Commit {
  const name = `service-${n % SERVICES}`;
  const gone = n % 5 === 4 ? `service-${(n + 1) % SERVICES}` : null;
  const actor = { kind: 'api', name: 'tester', address: '127.0.0.1' } as const;
  const record = recordOf(name, n);
  return {
    generation: {
      number: n,
      at: AT,
      actor,
      kind: 'service.put',
      summary: `change ${n}`,
      changes: [{ service: name, before: null, after: record.document }],
    },
    services: new Map([[name, record], ...(gone === null ? [] : [[gone, null] as const])]),
    deleted: new Set(gone === null ? [] : [gone]),
    receipts: [receipt(n)],
    idempotency: { key: `key-${n}`, fingerprint: `fingerprint-${n}` },
    audit: {
      at: AT,
      actor,
      requestId: `request-${n}`,
      kind: 'service.put',
      service: name,
      result: 'applied',
      problem: null,
      detail: `change ${n}`,
      generation: { before: n - 1, after: n },
    },
  };
}

/** That of change n; `barrierMs` comes when it is brought up to date. */
export function receipt(n: number, barrierMs: number | null = null): Receipt {
  return {
    id: `co_${n}`,
    kind: 'cutover',
    service: `service-${n % SERVICES}`,
    from: { blue: 100 },
    to: { green: 100 },
    generation: { before: n - 1, after: n },
    requestedAt: AT,
    appliedAt: null,
    barrierMs,
    workers: { total: 1, applied: 0, fenced: 0 },
    drainTimeout: null,
    drain: { state: 'draining', inFlightAtFlip: 1, completed: 0, cut: 0, remaining: 1, longLived: 0 },
  };
}

export function answer(n: number): StoredAnswer {
  return { status: 201, headers: { Location: `/v1/services/x/cutovers/co_${n}` }, body: `{"n":${n}}` };
}

/** Carries change n out as the control plane does: the change, then its receipt, then the answer to its request. */
export async function carryOut(store: Store, n: number): Promise<void> {
  await store.commit(change(n));
  await conclude(store, n);
}

/** What follows the commit of change n. */
export async function conclude(store: Store, n: number): Promise<void> {
  await store.saveReceipt(receipt(n, n));
  await store.saveAnswer(`key-${n}`, answer(n));
}

function recordOf(name: string, n: number): ServiceRecord {
  const document = { pools: { blue: { version: `${n}`, targets: [{ url: `http://127.0.0.1:${3_000 + n}` }] } } };
  // What is compiled is of no concern to a store.
  const spec = { name, n } as unknown as ServiceRecord['spec'];
  return { name, document, base: null, earlierSplits: [], spec, stickySecret: `secret-${n}` };
}
