/**
 * Every metric that is exported, and nothing is exported that is not in here. docs/reference/metrics.md shows this
 * table, and a test holds the page and the exported text against it.
 *
 * Label values come from bounded sets: names that the operator gave, fixed words, and status codes. Nothing that a
 * client or a target sends can make more than a known number of series.
 */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly unit: string;
  readonly help: string;
}

export const METRICS = {
  requests: {
    name: 'cutover_requests_total',
    type: 'counter',
    labels: ['service', 'pool', 'version', 'traffic', 'method', 'code'],
    unit: 'requests',
    help: 'Requests that ended, by the status sent to the client; code "0": none was sent.',
  },
  requestDuration: {
    name: 'cutover_request_duration_seconds',
    type: 'histogram',
    labels: ['service', 'pool', 'version', 'traffic'],
    unit: 'seconds',
    help: 'From the first byte of a request to the last byte of its response.',
  },
  upstreamConnect: {
    name: 'cutover_upstream_connect_seconds',
    type: 'histogram',
    labels: ['service', 'pool'],
    unit: 'seconds',
    help: 'Making a connection to a target.',
  },
  upstreamIdle: {
    name: 'cutover_upstream_idle_connections',
    type: 'gauge',
    labels: ['service', 'pool'],
    unit: 'connections',
    help: 'Connections to targets that wait for a request.',
  },
  inFlight: {
    name: 'cutover_requests_in_flight',
    type: 'gauge',
    labels: ['service', 'pool'],
    unit: 'requests',
    help: 'Requests under way.',
  },
  connections: {
    name: 'cutover_connections',
    type: 'gauge',
    labels: ['listener', 'state'],
    unit: 'connections',
    help: 'Open client connections by what they are doing: idle, active or tunnel.',
  },
  connectionsAccepted: {
    name: 'cutover_connections_accepted_total',
    type: 'counter',
    labels: ['listener'],
    unit: 'connections',
    help: 'Client connections accepted.',
  },
  connectionsRefused: {
    name: 'cutover_connections_refused_total',
    type: 'counter',
    labels: ['listener', 'reason'],
    unit: 'connections',
    help: 'Client connections closed at once, by the limit that they would have exceeded.',
  },
  requestsRefused: {
    name: 'cutover_requests_refused_total',
    type: 'counter',
    labels: ['listener', 'reason'],
    unit: 'requests',
    help: 'Requests refused before a service was found for them, by failure code.',
  },
  retries: {
    name: 'cutover_retries_total',
    type: 'counter',
    labels: ['service', 'reason'],
    unit: 'attempts',
    help: 'Further attempts made for a request, by what was wrong with the one before.',
  },
  waiting: {
    name: 'cutover_requests_waiting',
    type: 'gauge',
    labels: ['service', 'pool'],
    unit: 'requests',
    help: 'Requests that wait for a target with room; they are part of those in flight.',
  },
  breakerOpen: {
    name: 'cutover_breaker_open',
    type: 'gauge',
    labels: ['service', 'pool', 'target'],
    unit: 'workers',
    help: 'Workers in which the circuit breaker is open; target "": that of the pool.',
  },
  breakerOpened: {
    name: 'cutover_breaker_opened_total',
    type: 'counter',
    labels: ['service', 'pool', 'target'],
    unit: 'times',
    help: 'How often a circuit breaker has opened, over all workers; target "": that of the pool.',
  },
  rateLimited: {
    name: 'cutover_rate_limited_total',
    type: 'counter',
    labels: ['service'],
    unit: 'requests',
    help: 'Requests answered 429 because their client made too many.',
  },
  held: {
    name: 'cutover_requests_held',
    type: 'gauge',
    labels: ['service'],
    unit: 'requests',
    help: 'Requests that wait for a paused service; they are not in flight yet.',
  },
  holds: {
    name: 'cutover_holds_total',
    type: 'counter',
    labels: ['service', 'result'],
    unit: 'requests',
    help: 'Requests that waited for a paused service, or would have: by resumed, timed-out, full, client-gone, cut.',
  },
  failures: {
    name: 'cutover_failures_total',
    type: 'counter',
    labels: ['service', 'pool', 'reason'],
    unit: 'requests',
    help: 'Requests that failed, by failure code.',
  },
  mirrorDropped: {
    name: 'cutover_mirror_dropped_total',
    type: 'counter',
    labels: ['service', 'pool', 'reason'],
    unit: 'requests',
    help: 'Mirror copies that were due and not sent, or whose answer was not read to its end.',
  },
  mirrorFailures: {
    name: 'cutover_mirror_failures_total',
    type: 'counter',
    labels: ['service', 'pool', 'reason'],
    unit: 'requests',
    help: 'Mirror copies that were sent and got no whole answer, by failure code.',
  },
  sticky: {
    name: 'cutover_sticky_total',
    type: 'counter',
    labels: ['service', 'result'],
    unit: 'requests',
    help: 'Requests of services that bind sessions, by what became of the session.',
  },
  buffered: {
    name: 'cutover_buffered_total',
    type: 'counter',
    labels: ['service', 'pool', 'message', 'where'],
    unit: 'messages',
    help: 'Requests and responses that were kept until they were whole, by whether memory was enough.',
  },
  bufferBytes: {
    name: 'cutover_buffer_bytes',
    type: 'gauge',
    labels: ['where'],
    unit: 'bytes',
    help: 'Bodies that are kept at this moment, in memory and on disk.',
  },
  poolPanicking: {
    name: 'cutover_pool_panicking',
    type: 'gauge',
    labels: ['service', 'pool'],
    unit: 'workers',
    help: 'Workers that use all ready targets because too few are well; only of pools where that is asked for.',
  },
  targetEjected: {
    name: 'cutover_target_ejected',
    type: 'gauge',
    labels: ['service', 'pool', 'target'],
    unit: 'workers',
    help: 'Workers that have the target out of balancing for what became of its requests.',
  },
  targetEjections: {
    name: 'cutover_target_ejections_total',
    type: 'counter',
    labels: ['service', 'pool', 'target', 'reason'],
    unit: 'ejections',
    help: 'Times that a worker found a target to fail too often and took it out of balancing.',
  },
  targetUp: {
    name: 'cutover_target_up',
    type: 'gauge',
    labels: ['service', 'pool', 'target'],
    unit: '0 or 1',
    help: 'Whether the health checks find the target well; always 1 where there are none.',
  },
  splitPercent: {
    name: 'cutover_split_percent',
    type: 'gauge',
    labels: ['service', 'pool'],
    unit: 'percent',
    help: 'Share of the pool in the split.',
  },
  generation: {
    name: 'cutover_generation',
    type: 'gauge',
    labels: [],
    unit: 'generation',
    help: 'The generation that serves; every change adds one.',
  },
  workerGeneration: {
    name: 'cutover_worker_generation',
    type: 'gauge',
    labels: ['worker'],
    unit: 'generation',
    help: 'The generation that the worker has applied.',
  },
  cutovers: {
    name: 'cutover_cutovers_total',
    type: 'counter',
    labels: ['service', 'result'],
    unit: 'changes',
    help: 'Cutovers asked for, by what became of them.',
  },
  cutoverBarrier: {
    name: 'cutover_cutover_barrier_seconds',
    type: 'histogram',
    labels: [],
    unit: 'seconds',
    help: 'From sending a new generation to the last worker having applied it.',
  },
  adminAuthFailures: {
    name: 'cutover_admin_auth_failures_total',
    type: 'counter',
    labels: ['reason'],
    unit: 'calls',
    help: 'Calls of the admin API by nobody who is known, by why: missing, malformed, unknown, expired, throttled, certificate.',
  },
  ledgerImbalance: {
    name: 'cutover_ledger_imbalance',
    type: 'gauge',
    labels: [],
    unit: 'requests',
    help: 'Accepted requests whose end is not accounted for, over all generations remembered; always 0.',
  },
  buildInfo: {
    name: 'cutover_build_info',
    type: 'gauge',
    labels: ['version', 'node'],
    unit: '1',
    help: 'Always 1; the labels say what runs.',
  },
  processCpu: {
    name: 'cutover_process_cpu_seconds_total',
    type: 'counter',
    labels: ['mode'],
    unit: 'seconds',
    help: 'Processor time used by the primary process, in user and system mode.',
  },
  processMemory: {
    name: 'cutover_process_resident_memory_bytes',
    type: 'gauge',
    labels: [],
    unit: 'bytes',
    help: 'Resident memory of the primary process.',
  },
  processHeap: {
    name: 'cutover_process_heap_used_bytes',
    type: 'gauge',
    labels: [],
    unit: 'bytes',
    help: 'JavaScript heap in use in the primary process.',
  },
  processLag: {
    name: 'cutover_process_event_loop_lag_seconds',
    type: 'gauge',
    labels: ['quantile'],
    unit: 'seconds',
    help: 'How late timers fired in the primary process since the scrape before; quantile "1" is the longest.',
  },
  processLogDropped: {
    name: 'cutover_process_log_lines_dropped_total',
    type: 'counter',
    labels: [],
    unit: 'lines',
    help: 'Lines of the log of the primary process that were dropped since nobody took them.',
  },
  processStart: {
    name: 'cutover_process_start_time_seconds',
    type: 'gauge',
    labels: [],
    unit: 'seconds since 1970',
    help: 'When the primary process started.',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricCatalogue = typeof METRICS;
