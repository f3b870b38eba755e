/**
 * A proxy whose targets are reached through fault proxies, a healthy pool to flip to, and the account of every request
 * that was made: each client names its requests, each application remembers which came, and the proxy counts, too.
 */
import { expect } from 'vitest';

import type { ServiceDocument } from '../../src/schema/service.ts';
import type { Backend } from '../helpers/backend.ts';
import { ask as askNoted, checkDownload, checkUpload } from '../helpers/client-temper.ts';
import { eventually } from '../helpers/eventually.ts';
import { HttpClient, type ClientRequest, type ClientResponse } from '../helpers/http-client.ts';
import { type ClientEntry, RequestLedger } from '../helpers/request-ledger.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { type ProxySetup, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

/** The pool that the faults are in, and what its targets all say that they run. */
const BROKEN = 'old';
/** The pool of the next generation, with which nothing is wrong. */
const NEXT = 'next';

/** Asked after the flip, of which none may see the faults any more. */
const AFTERWARDS = 3;

/** May be sent again, so that an application may see them twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export interface BrokenWorld {
  readonly proxy: TestProxy;
  readonly backends: readonly Backend[];
  /** In front of the backend with the same index. */
  readonly faults: readonly FaultProxy[];
  readonly next: Backend;
  readonly ledger: RequestLedger;
}

export interface BrokenSetup {
  /** Default: 1. */
  readonly targets?: number;
  /** Ports of further targets that no backend is behind. */
  readonly morePorts?: readonly number[];
  readonly service?: Omit<ServiceDocument, 'pools'>;
  /** Besides the two that there are. */
  readonly morePools?: ServiceDocument['pools'];
  readonly listener?: ProxySetup['listener'];
  readonly ledger?: RequestLedger;
}

export async function startBroken({
  targets = 1,
  morePorts = [],
  service = {},
  morePools = {},
  listener = {},
  ledger = new RequestLedger(),
}: BrokenSetup = {}): Promise<BrokenWorld> {
  const backends = await Promise.all(Array.from({ length: targets }, () => startBackend(BROKEN)));
  const faults = await Promise.all(backends.map(({ port }) => startFaultProxy(port)));
  const next = await startBackend(NEXT);
  const ports = [...morePorts, ...faults.map(({ port }) => port)];
  const pools = {
    [BROKEN]: { version: BROKEN, targets: ports.map((port) => ({ url: `http://127.0.0.1:${port}` })) },
    [NEXT]: { version: NEXT, targets: [{ url: next.url }] },
    ...morePools,
  };
  const proxy = await startProxy({ listener, services: { app: { split: { [BROKEN]: 100 }, ...service, pools } } });
  return { proxy, backends, faults, next, ledger };
}

/** One request, on a connection of its own unless there is one for it; what became of it is in the ledger. */
export async function send(world: BrokenWorld, request: ClientRequest = {}, kept?: HttpClient): Promise<Sent> {
  const entry = world.ledger.begin(request.method ?? 'GET');
  const client = kept ?? (await HttpClient.connect(world.proxy.port));
  const response = await askNoted(client, entry, request);
  if (response !== null) checkBody(entry, request, response);
  if (kept === undefined) client.close();
  return { entry, response };
}

export interface Sent {
  readonly entry: ClientEntry;
  /** `null`: no whole answer of an application came. */
  readonly response: ClientResponse | null;
}

/** Marks the entry where what came as a whole answer is not what the application sent. */
function checkBody(entry: ClientEntry, { method, path = '/', body }: ClientRequest, response: ClientResponse): void {
  const url = new URL(path, 'http://app.test');
  if (method === 'HEAD') return;
  if (url.pathname === '/download') checkDownload(entry, response, Number(url.searchParams.get('bytes')));
  else if (url.pathname === '/upload' && body !== undefined) checkUpload(entry, response, Buffer.from(body));
  else entry.truncated = response.body.toString() !== `${entry.version}\n`;
}

/** What became of so many requests: "old", "next", "status 502", "connection ended (fin)", each with how often. */
export function outcomesOf({ ledger }: Pick<BrokenWorld, 'ledger'>): Record<string, number> {
  const outcomes: Record<string, number> = {};
  for (const { version, failure } of ledger.entries.values()) {
    const outcome = version ?? failure ?? 'nothing yet';
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return outcomes;
}

/**
 * Flips away from the faults, which must take no request with them that comes later, and then holds both sides of the
 * account against each other: nothing lost, nothing that changes something sent twice, nothing on a generation that it
 * does not belong to, nothing cut short that was taken for whole, nothing left behind.
 */
export async function expectAccount(world: BrokenWorld): Promise<void> {
  const { backends, next, ledger, proxy } = world;
  await proxy.admin.cutover('app', NEXT);
  const flippedAt = performance.now();
  for (let count = 0; count < AFTERWARDS; count += 1) expect((await send(world)).entry.version).toBe(NEXT);

  // What nobody gave a name to is no client's, but a check's.
  const arrivals = [...backends, next].flatMap(({ version, requests }) =>
    requests.filter(({ id }) => id !== '').map((request) => ({ version, request })),
  );
  await eventually(() => {
    const open = arrivals.filter(({ request }) => request.outcome === 'open');
    if (open.length > 0)
      throw new Error(`no application has seen the end of ${open.map(({ request }) => request.id).join()}`);
  });
  const times = new Map<string, number>();
  for (const { request } of arrivals) times.set(request.id, (times.get(request.id) ?? 0) + 1);
  const timesAllowed = (method: string): number => (IDEMPOTENT.has(method) ? 2 : 1);
  const { lost, wrongPool, truncated } = ledger.balance([...backends, next]);
  const ids = (wrong: (arrival: (typeof arrivals)[number]) => boolean): string[] =>
    arrivals.filter(wrong).map(({ request }) => request.id);
  expect({
    lost,
    duplicated: ids(({ request }) => (times.get(request.id) ?? 0) > timesAllowed(request.method)),
    wrongPool,
    wrongGeneration: ids(
      ({ version, request }) => (ledger.entries.get(request.id)?.startedAt ?? 0) > flippedAt !== (version === NEXT),
    ),
    truncated,
    orphaned: ids(({ request }) => !ledger.entries.has(request.id)),
  }).toEqual({ lost: [], duplicated: [], wrongPool: [], wrongGeneration: [], truncated: [], orphaned: [] });
  await expectProxyAccount(proxy);
}

/** Nothing is under way, and what the proxy has counted is in balance. */
export async function expectProxyAccount(proxy: Pick<TestProxy, 'admin'>): Promise<void> {
  await eventually(async () => expect(await proxy.admin.metric('cutover_requests_in_flight')).toBe(0));
  expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
}

/** How often requests failed for a reason, as the proxy has it. */
export function failuresFor({ proxy }: BrokenWorld, reason: string): Promise<number> {
  return proxy.admin.metric('cutover_failures_total', { service: 'app', reason });
}
