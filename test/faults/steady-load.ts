/**
 * Clients that ask at a steady rate, each from a loopback address of its own, so that the kernel's tables show which
 * process serves which client. Half of the kinds of requests take the application a while: there is always something
 * under way.
 */
import type { Backend } from '../helpers/backend.ts';
import { downloadBody } from '../helpers/backend.ts';
import { ask, checkDownload, checkUpload } from '../helpers/client-temper.ts';
import { HttpClient, type ClientRequest, type ClientResponse } from '../helpers/http-client.ts';
import { type ClientEntry, RequestLedger } from '../helpers/request-ledger.ts';
import { turn } from '../helpers/write-pieces.ts';

export interface LoadPlan {
  readonly port: number;
  /** Clients that keep their connection, and those that make a new one for each request. */
  readonly kept: number;
  readonly fresh: number;
  /** Of all of them together. */
  readonly ratePerSecond: number;
}

export interface LoadedRequest {
  readonly entry: ClientEntry;
  /** The client's own. */
  readonly address: string;
  readonly isFresh: boolean;
  /** By the clock of `performance.now()`, the connecting included. */
  readonly askedAt: number;
  endedAt: number;
}

/** A request that has no answer by then has failed. */
const PATIENCE_MS = 15_000;

export class SteadyLoad {
  readonly ledger = new RequestLedger();
  readonly requests: LoadedRequest[] = [];
  readonly #plan: LoadPlan;
  readonly #underWay = new Map<string, LoadedRequest>();
  readonly #clients: Promise<void>[];
  #isStopped = false;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    const count = plan.kept + plan.fresh;
    const intervalMs = (1000 * count) / plan.ratePerSecond;
    this.#clients = Array.from({ length: count }, (_, index) => this.#client(index, index >= plan.kept, intervalMs));
  }

  /** What has been asked and not been answered, by the client's address. */
  get underWay(): ReadonlyMap<string, LoadedRequest> {
    return this.#underWay;
  }

  /** Asks nothing new, and resolves when everything has its answer. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #client(index: number, isFresh: boolean, intervalMs: number): Promise<void> {
    const address = `127.1.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`;
    const kind = KINDS[index % KINDS.length] ?? plain;
    let client: HttpClient | null = null;
    let dueAt = performance.now() + ((index * intervalMs * 0.618) % intervalMs);
    while (!this.#isStopped) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())));
      // A client looks whether the connection still stands before it uses it.
      await turn();
      dueAt = Math.max(dueAt + intervalMs, performance.now());
      if (this.#isStopped) break;
      client = await this.#askOnce(client?.closed === null ? client : null, address, isFresh, kind);
    }
    client?.close();
  }

  /** Resolves with the connection where it can be used again. */
  async #askOnce(kept: HttpClient | null, address: string, isFresh: boolean, kind: Kind): Promise<HttpClient | null> {
    const entry = this.ledger.begin(`${isFresh ? 'fresh' : 'kept'}-${kind.name}`);
    const request: LoadedRequest = { entry, address, isFresh, askedAt: performance.now(), endedAt: Infinity };
    this.requests.push(request);
    this.#underWay.set(address, request);
    const client = kept ?? (await HttpClient.connect(this.#plan.port, { localAddress: address }).catch(refusal));
    if (client instanceof HttpClient) await inTime(client, entry, kind(client, entry));
    else entry.failure = `could not connect: ${client.message}`;
    request.endedAt = performance.now();
    this.#underWay.delete(address);
    if (!(client instanceof HttpClient)) return null;
    if (isFresh || !this.#isReusable.delete(client)) {
      client.close();
      return null;
    }
    return client;
  }
}
