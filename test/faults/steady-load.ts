/**
 * Clients that ask at a steady rate: some keep their connection, some make a new one for each request, some ask for an
 * answer that takes the application a while, some send a body, some take a long answer. Every request is in the ledger.
 * Each client has a loopback address of its own, so that the kernel's tables show which process serves which client.
 */
import { downloadBody } from '../helpers/backend.ts';
import { ask, checkDownload, checkUpload } from '../helpers/client-temper.ts';
import { HttpClient, type ClientRequest } from '../helpers/http-client.ts';
import type { TlsManner } from '../helpers/open-socket.ts';
import { type ClientEntry, RequestLedger } from '../helpers/request-ledger.ts';
import { turn } from '../helpers/write-pieces.ts';

export interface LoadPlan {
  readonly port: number;
  readonly clients: number;
  /** Of all clients together. */
  readonly ratePerSecond: number;
  /** Speaks TLS. */
  readonly tls?: TlsManner;
  /** Where its requests are noted; default: one of its own. */
  readonly ledger?: RequestLedger;
}

export interface LoadedRequest {
  readonly entry: ClientEntry;
  /** The client's own. */
  readonly address: string;
  readonly isFresh: boolean;
  /** By the clock of `performance.now()`, the connecting included. */
  readonly askedAt: number;
  /** `Infinity`: it is under way. */
  endedAt: number;
}

const KINDS = ['plain', 'slow', 'upload', 'download', 'stream'] as const;
type Kind = (typeof KINDS)[number];

const BODY_BYTES = 20_000;
const DOWNLOAD_BYTES = 100_000;
/** A request that has no answer by then has failed. */
const PATIENCE_MS = 15_000;

export class SteadyLoad {
  readonly ledger: RequestLedger;
  readonly requests: LoadedRequest[] = [];
  readonly #plan: LoadPlan;
  readonly #clients: Promise<void>[];
  #isStopped = false;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.ledger = plan.ledger ?? new RequestLedger();
    this.#clients = Array.from({ length: plan.clients }, (_, index) => this.#client(index));
  }

  /** Requests that wait for their answer at this moment. */
  get underWay(): LoadedRequest[] {
    return this.requests.filter(({ endedAt }) => endedAt === Infinity);
  }

  /** For so long a client waited for the slowest answer, of those that came and were waited for after `sinceMs`. */
  slowestMs(sinceMs = 0): number {
    const ended = this.requests.filter(({ entry, endedAt }) => entry.version !== null && endedAt > sinceMs);
    return Math.max(0, ...ended.map(({ askedAt, endedAt }) => endedAt - Math.max(askedAt, sinceMs)));
  }

  /** Asks nothing new, and resolves when everything has its answer. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #client(index: number): Promise<void> {
    const { clients, port, ratePerSecond, tls } = this.#plan;
    const intervalMs = (1000 * clients) / ratePerSecond;
    const address = `127.1.0.${index + 1}`;
    // Every second client makes a new connection for each request.
    const isFresh = index % 2 === 1;
    const kind = KINDS[Math.floor(index / 2) % KINDS.length] ?? 'plain';
    let dueAt = performance.now() + (intervalMs * index) / clients;
    let client = null as HttpClient | null;
    while (!this.#isStopped) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())));
      // A client looks whether its connection still stands before it uses it.
      await turn();
      dueAt = Math.max(dueAt + intervalMs, performance.now());
      if (this.#isStopped) break;
      const entry = this.ledger.begin(`${isFresh ? 'fresh' : 'kept'}-${kind}`);
      const asked: LoadedRequest = { entry, address, isFresh, askedAt: performance.now(), endedAt: Infinity };
      this.requests.push(asked);
      const connection: HttpClient | Error =
        client?.closed === null
          ? client
          : await HttpClient.connect(port, { localAddress: address, ...(tls && { tls }) }).catch(
              (error: Error) => error,
            );
      client = connection instanceof HttpClient ? connection : null;
      const isLast = client === null || (await askInTime(client, kind, entry)) === 'last';
      if (connection instanceof Error) entry.failure = connection.message;
      asked.endedAt = performance.now();
      if (isFresh || isLast) {
        client?.close();
        client = null;
      }
    }
    client?.close();
  }
}

const REQUESTS: Readonly<Record<Kind, ClientRequest>> = {
  plain: {},
  slow: { path: '/slow?ms=60' },
  upload: { method: 'POST', path: '/upload' },
  download: { path: `/download?bytes=${DOWNLOAD_BYTES}&piece=20000&gap=5` },
  stream: { path: `/download?chunked=1&bytes=${DOWNLOAD_BYTES}&piece=20000&gap=5` },
};

/** Asks once; what came of it is in `entry`. Resolves with whether the connection can be used again. */
async function askInTime(client: HttpClient, kind: Kind, entry: ClientEntry): Promise<'last' | 'kept'> {
  const patience = setTimeout(() => client.close(), PATIENCE_MS);
  try {
    const body = kind === 'upload' ? downloadBody('upload', entry.id, BODY_BYTES) : null;
    const response = await ask(client, entry, { ...REQUESTS[kind], ...(body === null ? {} : { body }) });
    if (response === null) return 'last';
    if (body !== null) checkUpload(entry, response, body);
    else if (kind === 'download' || kind === 'stream') checkDownload(entry, response, DOWNLOAD_BYTES);
    else entry.truncated = response.body.toString() !== `${entry.version}\n`;
    return response.field('connection') === 'close' ? 'last' : 'kept';
  } finally {
    clearTimeout(patience);
  }
}
