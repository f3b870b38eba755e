import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { bucketOf } from '../../../src/base/log-linear.ts';
import type { ControlGauges } from '../../../src/observe/control-gauges.ts';
import { METRICS } from '../../../src/observe/metric-catalogue.ts';
import { type Metrics, createMetrics } from '../../../src/observe/prometheus.ts';
import {
  DURATION_BUCKET_COUNT,
  type DataPlaneReport,
  type HistogramReport,
  type LedgerReport,
  type PoolReport,
} from '../../../src/snapshot/data-plane.ts';

const CONTROL: ControlGauges = {
  generation: 7,
  splits: [
    { service: 'shop', pool: 'blue', percent: 99.5 },
    { service: 'shop', pool: 'green', percent: 0.5 },
  ],
  targets: [
    { service: 'shop', pool: 'blue', target: '127.0.0.1:3001', up: true },
    { service: 'shop', pool: 'green', target: '127.0.0.1:3002', up: false },
  ],
  cutovers: [{ service: 'shop', result: 'applied', count: 3 }],
  barrier: histogram(900),
  adminAuthFailures: [{ reason: 'unknown', count: 3 }],
};

function histogram(...micros: readonly number[]): HistogramReport {
  const buckets = Array.from({ length: DURATION_BUCKET_COUNT }, () => 0);
  for (const value of micros) buckets[bucketOf(value)] = (buckets[bucketOf(value)] ?? 0) + 1;
  return { buckets, sumSeconds: micros.reduce((sum, value) => sum + value, 0) / 1e6, count: micros.length };
}

function poolReport(over: Partial<PoolReport> = {}): PoolReport {
  return {
    service: 'shop',
    pool: 'blue',
    version: '1.4.0',
    inFlight: 2,
    traffic: [
      {
        traffic: 'live',
        requests: [
          ['GET', 200, 10],
          ['POST', 502, 1],
        ],
        durations: histogram(100, 500, 90_000_000),
      },
    ],
    failures: { connect_refused: 1 },
    panicking: 1,
    retries: { connect: 4 },
    targets: [
      {
        target: '127.0.0.1:3001',
        up: true,
        inFlight: 1,
        idleConnections: 3,
        connects: histogram(200),
        ejected: 1,
        ejections: { failures: 2 },
      },
      { target: '127.0.0.1:3003', up: true, inFlight: 1, idleConnections: 1, connects: histogram(300) },
    ],
    mirrorDropped: { busy: 5 },
    mirrorFailures: { upstream_reset: 3 },
    sessions: { bound: 8, unknown: 2 },
    waiting: 1,
    breakers: { '': { open: 0, opened: 1 }, '127.0.0.1:3001': { open: 1, opened: 2 } },
    kept: { 'request memory': 6, 'response disk': 7 },
    passed: { client: 17, target: 23 },
    ...over,
  };
}

const BALANCED: LedgerReport = {
  generation: 7,
  accepted: 20,
  completed: 10,
  clientAborted: 3,
  upstreamFailed: 2,
  proxyFailed: 1,
  cut: 1,
  inFlight: 3,
};

function report(over: Partial<DataPlaneReport> = {}): DataPlaneReport {
  return {
    generation: 7,
    workers: [{ worker: '0', pid: 1, generation: 7 }],
    workersFenced: 0,
    pools: [poolReport()],
    services: [{ service: 'shop', rateLimited: 3, held: 2, holds: { resumed: 4 } }],
    listeners: [
      {
        listener: 'web',
        connections: { idle: 4, active: 2, tunnel: 1 },
        acceptedTotal: 9,
        turnedAway: { too_many_connections: 4 },
        refused: { no_service: 6 },
        handshakes: { full: 2, failed: 1 },
      },
    ],
    buffered: { memory: 65_536, disk: 1_048_576 },
    ledger: [BALANCED],
    ...over,
  };
}

function metricsOf(...reports: readonly DataPlaneReport[]): Metrics {
  return makeMetrics(() => Promise.resolve(reports));
}

function makeMetrics(reports: () => Promise<readonly DataPlaneReport[]>): Metrics {
  const metrics = createMetrics({ reports, control: () => CONTROL, version: '0.1.0' });
  onTestFinished(() => metrics.close());
  return metrics;
}

async function linesOf(...reports: readonly DataPlaneReport[]): Promise<string[]> {
  return (await metricsOf(...reports).text()).split('\n');
}

test('requests are counted by service, pool, version, traffic, method and code', async () => {
  const lines = await linesOf(report());
  const labels = 'service="shop",pool="blue",version="1.4.0",traffic="live"';
  expect(lines).toContain(`cutover_requests_total{${labels},method="GET",code="200"} 10`);
  expect(lines).toContain(`cutover_requests_total{${labels},method="POST",code="502"} 1`);
});

test('what several workers counted is added up', async () => {
  const lines = await linesOf(report(), report());
  expect(lines).toContain(
    'cutover_requests_total{service="shop",pool="blue",version="1.4.0",traffic="live",method="GET",code="200"} 20',
  );
  expect(lines).toContain('cutover_requests_in_flight{service="shop",pool="blue"} 4');
  expect(lines).toContain('cutover_connections{listener="web",state="idle"} 8');
  expect(lines).toContain(
    'cutover_request_duration_seconds_count{service="shop",pool="blue",version="1.4.0",traffic="live"} 6',
  );
  expect(lines).toContain('cutover_upstream_connect_seconds_count{service="shop",pool="blue"} 4');
});

test('the counts of one pool under two versions stay apart, its gauges are one', async () => {
  const lines = await linesOf(report({ pools: [poolReport(), poolReport({ version: '1.5.0' })] }));
  for (const version of ['1.4.0', '1.5.0']) {
    expect(lines).toContain(
      `cutover_requests_total{service="shop",pool="blue",version="${version}",traffic="live",method="GET",code="200"} 10`,
    );
  }
  expect(lines).toContain('cutover_requests_in_flight{service="shop",pool="blue"} 4');
});

test('a duration counts in every bucket from the first bound above it on', async () => {
  const lines = await linesOf(report());
  const labels = 'service="shop",pool="blue",version="1.4.0",traffic="live"';
  expect(lines).toContain(`cutover_request_duration_seconds_bucket{le="0.000128",${labels}} 1`);
  expect(lines).toContain(`cutover_request_duration_seconds_bucket{le="0.000256",${labels}} 1`);
  expect(lines).toContain(`cutover_request_duration_seconds_bucket{le="0.000512",${labels}} 2`);
  expect(lines).toContain(`cutover_request_duration_seconds_bucket{le="67.108864",${labels}} 2`);
  expect(lines).toContain(`cutover_request_duration_seconds_bucket{le="+Inf",${labels}} 3`);
  expect(lines).toContain(`cutover_request_duration_seconds_count{${labels}} 3`);
  expect(lines).toContain(`cutover_request_duration_seconds_sum{${labels}} 90.0006`);
});

test('failures, retries, refusals and dropped mirrors are counted by reason', async () => {
  const lines = await linesOf(report());
  expect(lines).toContain('cutover_failures_total{service="shop",pool="blue",reason="connect_refused"} 1');
  expect(lines).toContain('cutover_retries_total{service="shop",reason="connect"} 4');
  expect(lines).toContain('cutover_requests_refused_total{listener="web",reason="no_service"} 6');
  expect(lines).toContain('cutover_mirror_dropped_total{service="shop",pool="blue",reason="busy"} 5');
  expect(lines).toContain('cutover_mirror_failures_total{service="shop",pool="blue",reason="upstream_reset"} 3');
});

test('what the control plane knows is shown: generation, split, targets, cutovers and their barrier', async () => {
  const lines = await linesOf(report());
  expect(lines).toContain('cutover_generation 7');
  expect(lines).toContain('cutover_worker_generation{worker="0"} 7');
  expect(lines).toContain('cutover_split_percent{service="shop",pool="blue"} 99.5');
  expect(lines).toContain('cutover_target_up{service="shop",pool="blue",target="127.0.0.1:3001"} 1');
  expect(lines).toContain('cutover_target_up{service="shop",pool="green",target="127.0.0.1:3002"} 0');
  expect(lines).toContain('cutover_cutovers_total{service="shop",result="applied"} 3');
  expect(lines).toContain('cutover_cutover_barrier_seconds_count 1');
});

test('a ledger in balance shows an imbalance of 0', async () => {
  expect(await linesOf(report())).toContain('cutover_ledger_imbalance 0');
});

test('a request too many in one generation does not hide one too few in another', async () => {
  const ledger = [
    { ...BALANCED, accepted: BALANCED.accepted + 1 },
    { ...BALANCED, accepted: BALANCED.accepted - 1 },
  ];
  expect(await linesOf(report({ ledger }))).toContain('cutover_ledger_imbalance 2');
});

test('label values are escaped, so that a version cannot make a line of its own', async () => {
  const version = 'a"b\\c\n# HELP x';
  const lines = await linesOf(report({ pools: [poolReport({ version })] }));
  expect(lines).toContain(
    'cutover_requests_total{service="shop",pool="blue",version="a\\"b\\\\c\\n# HELP x",traffic="live",method="GET",code="200"} 10',
  );
  expect(lines.some((line) => line.startsWith('# HELP x'))).toBe(false);
});

test('methods and codes outside the bounded sets share the label "other"', async () => {
  const traffic = {
    traffic: 'live' as const,
    requests: [
      ['BREW', 200, 1],
      ['PROPFIND', 200, 2],
      ['GET', 999, 3],
      ['GET', 600, 4],
      ['GET', 0, 5],
    ] as const,
    durations: histogram(),
  };
  const lines = await linesOf(report({ pools: [poolReport({ traffic: [traffic] })] }));
  const prefix = 'cutover_requests_total{service="shop",pool="blue",version="1.4.0",traffic="live"';
  expect(lines.filter((line) => line.startsWith(prefix))).toEqual([
    `${prefix},method="other",code="200"} 3`,
    `${prefix},method="GET",code="other"} 7`,
    `${prefix},method="GET",code="0"} 5`,
  ]);
});

test('the process shows its processor time, memory and lag', async () => {
  const lines = await linesOf(report());
  expect(Number(valueOf(lines, 'cutover_process_cpu_seconds_total{mode="user"}'))).toBeGreaterThan(0);
  expect(Number(valueOf(lines, 'cutover_process_resident_memory_bytes'))).toBeGreaterThan(1e6);
  expect(Number(valueOf(lines, 'cutover_process_event_loop_lag_seconds{quantile="1"}'))).toBeGreaterThanOrEqual(0);
  expect(Number(valueOf(lines, 'cutover_process_start_time_seconds'))).toBeLessThanOrEqual(Date.now() / 1000);
});

test('the content type is that of the Prometheus text format', () => {
  expect(metricsOf().contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
});

test('scrapes that ask while one is being made share the next one', async () => {
  let fetched = 0;
  const release: (() => void)[] = [];
  const metrics = makeMetrics(() => {
    fetched += 1;
    return new Promise((resolve) => release.push(() => resolve([report()])));
  });
  const first = metrics.text();
  await turn();
  const later = [metrics.text(), metrics.text(), metrics.text()];
  expect(fetched).toBe(1);
  release[0]?.();
  await first;
  // Not at once where the first one took long: this process then rests.
  await expect.poll(() => fetched).toBe(2);
  release[1]?.();
  expect(new Set(await Promise.all(later)).size).toBe(1);
});

test('a scrape that fails says so and leaves the next one alone', async () => {
  let fail = true;
  const metrics = makeMetrics(() => (fail ? Promise.reject(new Error('worker gone')) : Promise.resolve([report()])));
  await expect(metrics.text()).rejects.toThrow('worker gone');
  fail = false;
  await expect(metrics.text()).resolves.toContain('cutover_generation 7');
});

test('every metric of the catalogue is exported with its type, its help and just its labels, and no other is', async () => {
  const lines = await linesOf(report());
  const shown = new Map<string, Set<string>>();
  for (const line of lines) {
    const sample = /^([a-z_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$/.exec(line);
    if (sample === null) continue;
    const labels = [...(sample[2] ?? '').matchAll(/([a-z]+)="/g)].map(([, label]) => label ?? '');
    shown.set(sample[1] ?? '', new Set(labels.filter((label) => label !== 'le')));
  }
  expect([...shown.keys()].sort()).toEqual(
    Object.values(METRICS)
      .map(({ name }) => name)
      .sort(),
  );
  for (const { name, type, labels, help } of Object.values(METRICS)) {
    expect(shown.get(name)).toEqual(new Set(labels));
    expect(lines).toContain(`# TYPE ${name} ${type}`);
    expect(lines).toContain(`# HELP ${name} ${help}`);
  }
});

test('docs/reference/metrics.md has a row for each metric, and no other', async () => {
  const page = await readFile(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `cutover_'));
  const expected = Object.values(METRICS).map(({ name, type, labels, unit, help }) =>
    [name, type, labels.join(', '), unit, help].join(' | '),
  );
  const found = rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''))
      .join(' | '),
  );
  expect(found).toEqual(expected);
});

function valueOf(lines: readonly string[], sample: string): string | undefined {
  return lines.find((line) => line.startsWith(`${sample} `))?.slice(sample.length + 1);
}

/** Lets every promise that can go on do so. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('after a long scrape as much time is left to everything else before the next', async () => {
  const began: number[] = [];
  const metrics = createMetrics({
    reports: async () => {
      began.push(performance.now());
      return [];
    },
    control: () => {
      const until = performance.now() + 50;
      while (performance.now() < until);
      return CONTROL;
    },
    version: '1.2.3',
  });
  await metrics.text();
  await metrics.text();
  metrics.close();
  const [first = 0, second = 0] = began;
  expect(second - first).toBeGreaterThan(95);
});

test('sessions are counted by service and what became of them, all pools together', async () => {
  const lines = await linesOf(report({ pools: [poolReport(), poolReport({ pool: 'green', sessions: { bound: 1 } })] }));
  expect(lines).toContain('cutover_sticky_total{service="shop",result="bound"} 9');
  expect(lines).toContain('cutover_sticky_total{service="shop",result="unknown"} 2');
});
