import { setTimeout } from 'node:timers/promises';

import { type PrometheusContentType, Registry } from 'prom-client';
import {
  type DataPlaneReport,
  type LedgerReport,
  METHOD_LABELS,
  type ListenerReport,
  type PoolReport,
  type ServiceReport,
  type TargetReport,
  type TrafficReport,
} from '../snapshot/data-plane.ts';
import type { ControlGauges } from './control-gauges.ts';
import { METRICS, type MetricCatalogue } from './metric-catalogue.ts';
import { HistogramFamily, MetricFamily } from './metric-family.ts';
import { type ProcessUsage, ProcessUsageMeter } from './process-usage.ts';

export interface MetricsOptions {
  /** One report per worker; they are added up. */
  readonly reports: () => Promise<readonly DataPlaneReport[]>;
  readonly control: () => ControlGauges;
  /** Of this program. */
  readonly version: string;
}

export interface Metrics {
  /** The metrics of this moment in the Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: PrometheusContentType;
  close(): void;
}

/**
 * Counting happens elsewhere, in plain arrays; here the counts are fetched, named and rendered, when somebody asks.
 * Nothing is kept from one scrape to the next.
 */
export function createMetrics({ reports, control, version }: MetricsOptions): Metrics {
  const processUsage = new ProcessUsageMeter();
  let rendering: Promise<unknown> = Promise.resolve();
  let waiting: Promise<string> | null = null;

  async function scrape(): Promise<{ text: string; renderMs: number }> {
    const families = createFamilies();
    const fetched = await reports();
    const startedMs = performance.now();
    for (const report of fetched) addReport(families, report);
    addControl(families, control());
    addProcess(families, processUsage.take(), version);
    return { text: await render(families), renderMs: performance.now() - startedMs };
  }

  return {
    // Scrapes take turns, and all that ask while one is being made share the next one: each sees what was so when it
    // asked, and no number of scrapers can make more work than one behind the other. After each this process rests
    // for as long as it took, so that with ten thousand services scrapes leave half of its time to changes; an older text
    // would cost less, but would not show the change that a caller has just made.
    text() {
      waiting ??= rendering.then(async () => {
        waiting = null;
        const scraped = scrape();
        rendering = scraped.then(
          ({ renderMs }) => rest(renderMs),
          () => {},
        );
        return (await scraped).text;
      });
      return waiting;
    },
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    close: () => processUsage.close(),
  };
}

/** Shorter rests are not worth a timer; longer ones would make scrapes time out. */
const REST_MS_MIN = 5;
const REST_MS_MAX = 1_000;

async function rest(ms: number): Promise<void> {
  if (ms >= REST_MS_MIN) await setTimeout(Math.min(ms, REST_MS_MAX), undefined, { ref: false });
}

type Families = {
  readonly [Key in keyof MetricCatalogue]: MetricCatalogue[Key]['type'] extends 'histogram'
    ? HistogramFamily<MetricCatalogue[Key]>
    : MetricFamily<MetricCatalogue[Key]>;
};

function createFamilies(): Families {
  const families = Object.entries(METRICS).map(([key, definition]) => [
    key,
    definition.type === 'histogram' ? new HistogramFamily(definition) : new MetricFamily(definition),
  ]);
  return Object.fromEntries(families) as Families;
}

function render(families: Families): Promise<string> {
  const registry = new Registry();
  for (const family of Object.values(families)) registry.registerMetric(family.asMetric());
  return registry.metrics();
}

/** Of a worker that is being replaced there are two for a while: the one that is behind counts. */
function lowestGenerations(workers: DataPlaneReport['workers']): Map<string, number> {
  const lowest = new Map<string, number>();
  for (const { worker, generation } of workers) {
    lowest.set(worker, Math.min(generation, lowest.get(worker) ?? generation));
  }
  return lowest;
}

function addReport(families: Families, report: DataPlaneReport): void {
  const { workers, pools, services, listeners, buffered, ledger, accessLogDropped = 0 } = report;
  for (const [worker, generation] of lowestGenerations(workers)) families.workerGeneration.add({ worker }, generation);
  for (const pool of pools) addPool(families, pool);
  for (const service of services) addService(families, service);
  for (const listener of listeners) addListener(families, listener);
  families.accessLogDropped.add({}, accessLogDropped);
  for (const [where, bytes] of Object.entries(buffered)) families.bufferBytes.add({ where }, bytes);
  // Absolute values: one request too many in one generation must not hide one too few in another.
  const imbalance = ledger.reduce((sum, entry) => sum + Math.abs(imbalanceOf(entry)), 0);
  families.ledgerImbalance.add({}, imbalance);
}

function imbalanceOf(entry: LedgerReport): number {
  const { accepted, completed, clientAborted, upstreamFailed, proxyFailed, cut, inFlight } = entry;
  return accepted - (completed + clientAborted + upstreamFailed + proxyFailed + cut + inFlight);
}

function addPool(families: Families, report: PoolReport): void {
  const { service, pool, targets } = report;
  families.inFlight.add({ service, pool }, report.inFlight);
  families.upstreamIdle.add(
    { service, pool },
    targets.reduce((sum, target) => sum + target.idleConnections, 0),
  );
  for (const traffic of report.traffic) addTraffic(families, report, traffic);
  for (const { connects } of targets) families.upstreamConnect.add({ service, pool }, connects);
  if (typeof report.panicking === 'number') families.poolPanicking.add({ service, pool }, report.panicking);
  for (const target of targets) addEjections(families, { service, pool, target: target.target }, target);
  for (const [reason, count] of Object.entries(report.failures))
    families.failures.add({ service, pool, reason }, count);
  for (const [reason, count] of Object.entries(report.retries)) families.retries.add({ service, reason }, count);
  for (const [target, breaker] of Object.entries(report.breakers)) {
    families.breakerOpen.add({ service, pool, target }, breaker.open);
    families.breakerOpened.add({ service, pool, target }, breaker.opened);
  }
  families.waiting.add({ service, pool }, report.waiting);
  for (const [reason, count] of Object.entries(report.mirrorDropped)) {
    families.mirrorDropped.add({ service, pool, reason }, count);
  }
  for (const [reason, count] of Object.entries(report.mirrorFailures)) {
    families.mirrorFailures.add({ service, pool, reason }, count);
  }
  for (const [result, count] of Object.entries(report.sessions)) families.sticky.add({ service, result }, count);
  for (const [key, count] of Object.entries(report.kept)) {
    const [message = '', where = ''] = key.split(' ');
    families.buffered.add({ service, pool, message, where }, count);
  }
  for (const [from, bytes] of Object.entries(report.passed ?? {}))
    families.tcpBytes.add({ service, pool, from }, bytes);
}

function addService(families: Families, { service, rateLimited, held, holds }: ServiceReport): void {
  families.rateLimited.add({ service }, rateLimited);
  families.held.add({ service }, held);
  for (const [result, count] of Object.entries(holds)) families.holds.add({ service, result }, count);
}

/** Of targets that never were, there are no series. */
function addEjections(
  families: Families,
  labels: Readonly<Record<'service' | 'pool' | 'target', string>>,
  { ejected = 0, ejections = {} }: TargetReport,
): void {
  const counts = Object.entries(ejections);
  if (ejected > 0 || counts.length > 0) families.targetEjected.add(labels, ejected);
  for (const [reason, count] of counts) families.targetEjections.add({ ...labels, reason }, count);
}

function addTraffic(
  families: Families,
  { service, pool, version }: PoolReport,
  { traffic, requests, durations }: TrafficReport,
): void {
  for (const [method, code, count] of requests) {
    const labels = { service, pool, version, traffic, method: methodLabel(method), code: codeLabel(code) };
    families.requests.add(labels, count);
  }
  families.requestDuration.add({ service, pool, version, traffic }, durations);
}

function addListener(families: Families, report: ListenerReport): void {
  const { listener, connections, acceptedTotal, turnedAway, refused, handshakes = {} } = report;
  for (const [state, count] of Object.entries(connections)) families.connections.add({ listener, state }, count);
  families.connectionsAccepted.add({ listener }, acceptedTotal);
  for (const [reason, count] of Object.entries(turnedAway)) {
    families.connectionsRefused.add({ listener, reason }, count);
  }
  for (const [result, count] of Object.entries(handshakes)) families.tlsHandshakes.add({ listener, result }, count);
  for (const [reason, count] of Object.entries(refused)) families.requestsRefused.add({ listener, reason }, count);
}

function addControl(families: Families, gauges: ControlGauges): void {
  families.generation.add({}, gauges.generation);
  for (const { service, pool, percent } of gauges.splits) {
    families.splitPercent.add({ service, pool }, percent);
    // Also of pools that nothing was asked of yet, which no worker reports.
    families.inFlight.add({ service, pool }, 0);
  }
  for (const { service, pool, target, up } of gauges.targets) {
    families.targetUp.add({ service, pool, target }, up ? 1 : 0);
  }
  for (const { service, result, count } of gauges.cutovers) families.cutovers.add({ service, result }, count);
  for (const { reason, count } of gauges.adminAuthFailures ?? []) families.adminAuthFailures.add({ reason }, count);
  families.processLogDropped.add({}, gauges.logLinesDropped ?? 0);
  families.cutoverBarrier.add({}, gauges.barrier ?? { buckets: [], sumSeconds: 0, count: 0 });
}

function addProcess(families: Families, usage: ProcessUsage, version: string): void {
  families.buildInfo.add({ version, node: process.versions.node }, 1);
  families.processCpu.add({ mode: 'user' }, usage.cpuUserSeconds);
  families.processCpu.add({ mode: 'system' }, usage.cpuSystemSeconds);
  families.processMemory.add({}, usage.residentBytes);
  families.processHeap.add({}, usage.heapUsedBytes);
  families.processStart.add({}, usage.startedAtSeconds);
  families.processLag.add({ quantile: '0.5' }, usage.lagSeconds.p50);
  families.processLag.add({ quantile: '0.99' }, usage.lagSeconds.p99);
  families.processLag.add({ quantile: '1' }, usage.lagSeconds.max);
}

const METHODS: ReadonlySet<string> = new Set(METHOD_LABELS);

function methodLabel(method: string): string {
  return METHODS.has(method) ? method : 'other';
}

/** A target may answer with any three digits; only those that HTTP has classes for get a series (RFC 9110 §15). */
function codeLabel(code: number): string {
  return code === 0 || (code >= 100 && code <= 599) ? String(code) : 'other';
}
