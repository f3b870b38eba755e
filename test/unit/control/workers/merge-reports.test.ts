import { describe, expect, it } from 'vitest';

import { EMPTY_REPORT, lastAccount, LEDGERS_MAX, mergeReports } from '../../../../src/control/workers/merge-reports.ts';
import type { DataPlaneReport, LedgerReport, PoolReport } from '../../../../src/snapshot/data-plane.ts';

describe('the account of workers that are gone', () => {
  it('stays bounded, and in balance, however many there were', () => {
    let past: DataPlaneReport = EMPTY_REPORT;
    for (let worker = 0; worker < 100; worker++) {
      const generations = Array.from({ length: 10 }, (_, index) => ledger(1 + worker * 10 + index));
      past = mergeReports([past, lastAccount({ ...EMPTY_REPORT, ledger: generations })]);
    }
    expect(past.ledger.length).toBeLessThanOrEqual(LEDGERS_MAX + 1);
    expect(past.ledger.at(-1)?.generation).toBe(1000);
    const sum = (of: (entry: LedgerReport) => number) => past.ledger.reduce((total, entry) => total + of(entry), 0);
    expect(sum(({ accepted }) => accepted)).toBe(7_000);
    expect(sum(({ completed }) => completed)).toBe(5_000);
    // What they had under way was cut.
    expect(sum(({ cut }) => cut)).toBe(2_000);
    expect(sum(({ inFlight }) => inFlight)).toBe(0);
  });

  it('keeps the newest generations apart', () => {
    const generations = Array.from({ length: LEDGERS_MAX + 2 }, (_, index) => ledger(index + 1));
    const { ledger: merged } = mergeReports([{ ...EMPTY_REPORT, ledger: generations }]);
    expect(merged[0]).toEqual({ ...ledger(0), accepted: 14, completed: 10, cut: 2, inFlight: 2 });
    expect(merged.slice(1)).toEqual(generations.slice(2));
  });
});

it('adds up what is kept of messages on all workers, and nothing of those that are gone', () => {
  const report = { ...EMPTY_REPORT, buffered: { memory: 3, disk: 5 } };
  expect(mergeReports([report, report, lastAccount(report)]).buffered).toEqual({ memory: 6, disk: 10 });
});

it('adds up dropped lines of the log, and handshakes, also of workers that are gone and of versions without them', () => {
  const listener = (handshakes: Record<string, number>) => ({
    listener: 'web',
    connections: { idle: 1, active: 0, tunnel: 0 },
    acceptedTotal: 1,
    turnedAway: {},
    refused: {},
    handshakes,
  });
  const { handshakes: _none, ...older } = listener({});
  const report = { ...EMPTY_REPORT, accessLogDropped: 3, listeners: [listener({ full: 2, failed: 1 })] };
  const merged = mergeReports([report, lastAccount(report), { ...EMPTY_REPORT, listeners: [older] }]);
  expect(merged.accessLogDropped).toBe(6);
  expect(merged.listeners.map(({ handshakes }) => handshakes)).toEqual([{ full: 4, failed: 2 }]);
});

it('adds up what became of the sessions of one pool on all workers', () => {
  const pool = (sessions: Record<string, number>): PoolReport => ({
    service: 'shop',
    pool: 'blue',
    version: '',
    inFlight: 0,
    traffic: [],
    failures: {},
    retries: {},
    targets: [],
    mirrorDropped: {},
    waiting: 0,
    breakers: {},
    mirrorFailures: {},
    sessions,
    kept: { 'request disk': 1 },
  });
  const { pools } = mergeReports([
    { ...EMPTY_REPORT, pools: [pool({ bound: 3, unknown: 1 })] },
    lastAccount({ ...EMPTY_REPORT, pools: [pool({ bound: 2, moved: 4 })] }),
  ]);
  expect(pools.map(({ sessions }) => sessions)).toEqual([{ bound: 5, unknown: 1, moved: 4 }]);
  expect(pools.map(({ kept }) => kept)).toEqual([{ 'request disk': 2 }]);
});

function ledger(generation: number): LedgerReport {
  return {
    generation,
    accepted: 7,
    completed: 5,
    clientAborted: 0,
    upstreamFailed: 0,
    proxyFailed: 0,
    cut: 1,
    inFlight: 1,
  };
}
