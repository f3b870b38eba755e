/**
 * Clients that ask at a steady rate: some keep their connection, some make a new one for each request, some ask for an
 * answer that takes the application a while, some send a body, some take a long answer. Every request is in the ledger.
 */
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';

import { downloadBody } from '../helpers/backend.ts';
import { type ClientEntry, RequestLedger } from '../helpers/request-ledger.ts';

export interface LoadPlan {
  readonly port: number;
  readonly clients: number;
  /** Of all clients together. */
  readonly ratePerSecond: number;
}

const KINDS = ['plain', 'slow', 'upload', 'download'] as const;
type Kind = (typeof KINDS)[number];

const BODY = Buffer.alloc(20_000, 'cutover ');
const DOWNLOAD_BYTES = 100_000;
/** A request that has no answer by then has failed. */
const PATIENCE_MS = 15_000;

export class SteadyLoad {
  readonly ledger = new RequestLedger();
  readonly #plan: LoadPlan;
  readonly #clients: Promise<void>[];
  #underWay = 0;
  #isStopped = false;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#clients = Array.from({ length: plan.clients }, (_, index) => this.#client(index));
  }

  /** Requests that wait for their answer at this moment. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Asks nothing new, and resolves when everything has its answer. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #client(index: number): Promise<void> {
    const { clients, ratePerSecond } = this.#plan;
    const intervalMs = (1000 * clients) / ratePerSecond;
    // Every second client makes a new connection for each request.
    const agent = new Agent({ keepAlive: index % 2 === 0, maxSockets: 1 });
    const kind = KINDS[Math.floor(index / 2) % KINDS.length] ?? 'plain';
    let dueAt = performance.now() + (intervalMs * index) / clients;
    while (!this.#isStopped) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())));
      dueAt = Math.max(dueAt + intervalMs, performance.now());
      if (this.#isStopped) break;
      const entry = this.ledger.begin(`${index % 2 === 0 ? 'kept' : 'fresh'}-${kind}`);
      this.#underWay++;
      await ask(this.#plan.port, agent, kind, entry);
      this.#underWay--;
    }
    agent.destroy();
  }
}

const PATHS: Readonly<Record<Kind, string>> = {
  plain: '/',
  slow: '/slow?ms=60',
  upload: '/upload',
  download: `/download?bytes=${DOWNLOAD_BYTES}&piece=20000&gap=5`,
};

/** Asks once; what came of it is in `entry`. Never rejects. */
function ask(port: number, agent: Agent, kind: Kind, entry: ClientEntry): Promise<void> {
  return new Promise((resolve) => {
    const settle = (failure: string | null): void => {
      entry.failure ??= failure;
      if (entry.failure !== null) entry.version = null;
      resolve();
    };
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        agent,
        method: kind === 'upload' ? 'POST' : 'GET',
        path: PATHS[kind],
        headers: { 'x-test-id': entry.id, ...(kind === 'upload' ? { 'content-length': BODY.length } : {}) },
        timeout: PATIENCE_MS,
      },
      (response) => {
        entry.headAt = performance.now();
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', (error) => settle(error.message));
        response.once('end', () => {
          if (response.statusCode !== 200) return settle(`status ${response.statusCode}`);
          entry.version = String(response.headers['x-version']);
          entry.truncated = !isWhole(kind, entry, Buffer.concat(chunks));
          settle(null);
        });
      },
    );
    outgoing.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
    entry.startedAt = performance.now();
    outgoing.end(kind === 'upload' ? BODY : undefined);
  });
}

const BODY_DIGEST = createHash('sha256').update(BODY).digest('hex');

function isWhole(kind: Kind, entry: ClientEntry, body: Buffer): boolean {
  if (kind === 'upload') return body.toString().includes(BODY_DIGEST) || body.toString().includes('"bytes":20000');
  if (kind === 'download') return body.equals(downloadBody(entry.version ?? '', entry.id, DOWNLOAD_BYTES));
  return body.toString() === `${entry.version}\n`;
}
