/**
 * The same load on two proxies at once, so that whatever else the machine does falls on both alike: what is different is
 * what was done to one of them.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Child } from './children.ts';
import { treeUsage } from './process-tree.ts';

/** Of each proxy. */
const CONNECTIONS = 8;
/** After the last request. */
const ANSWER_MS_MAX = 5_000;

export interface PairedLoad {
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly host?: string;
}

export interface PairedProxy {
  readonly child: Child;
  readonly port: number;
}

export interface PairedSample {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core. */
  readonly cpuPercent: number;
  readonly failed: number;
}

/** Requests at a steady rate to both, each timed from when it was due: one that waited for the one before it waited, too. */
export async function measurePair(
  proxies: readonly [PairedProxy, PairedProxy],
  { rate, seconds, host = 'fast.test' }: PairedLoad,
): Promise<[PairedSample, PairedSample]> {
  const clients = await Promise.all(
    proxies.map(({ port }) => Promise.all(Array.from({ length: CONNECTIONS }, () => SteadyClient.open(port)))),
  );
  const before = await Promise.all(proxies.map(({ child }) => treeUsage(child.pid)));
  const startedMs = performance.now();
  const total = rate * seconds;
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - startedMs) / 1000) * rate));
    for (; sent < due; sent++) {
      const dueMs = startedMs + (sent * 1000) / rate;
      const inTurn = sent % 2 === 0 ? clients : clients.toReversed();
      for (const ofOne of inTurn) ofOne[sent % CONNECTIONS]?.ask(dueMs, host);
    }
    await wait(1);
  }
  const deadlineMs = performance.now() + ANSWER_MS_MAX;
  while (clients.flat().some(({ isWaiting }) => isWaiting) && performance.now() < deadlineMs) await wait(5);
  const tookSeconds = (performance.now() - startedMs) / 1000;
  const after = await Promise.all(proxies.map(({ child }) => treeUsage(child.pid)));
  const sampleOf = (index: 0 | 1): PairedSample => {
    const latencies = (clients[index] ?? []).flatMap((client) => client.close()).toSorted((a, b) => a - b);
    const cpuSeconds = (after[index]?.cpuSeconds ?? 0) - (before[index]?.cpuSeconds ?? 0);
    return {
      p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? Number.NaN,
      p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
      cpuPercent: (cpuSeconds / tookSeconds) * 100,
      failed: total - latencies.length,
    };
  };
  return [sampleOf(0), sampleOf(1)];
}

/** Asks on one connection, where answers come in the order of requests. */
class SteadyClient {
  readonly #socket: Socket;
  readonly #dueMs: number[] = [];
  readonly #latenciesMs: number[] = [];
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => this.#onText(text));
  }

  static open(port: number): Promise<SteadyClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new SteadyClient(socket)));
    });
  }

  get isWaiting(): boolean {
    return this.#dueMs.length > 0;
  }

  ask(dueMs: number, host: string): void {
    this.#dueMs.push(dueMs);
    this.#socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }

  #onText(text: string): void {
    const heads = (this.#rest + text).split('HTTP/1.1 ');
    this.#rest = text.slice(-8);
    for (const head of heads.slice(1)) {
      const dueMs = this.#dueMs.shift();
      if (dueMs === undefined) continue;
      if (head.startsWith('200')) this.#latenciesMs.push(performance.now() - dueMs);
      else console.error(`answered ${head.slice(0, 3)}`);
    }
  }

  close(): number[] {
    this.#socket.destroy();
    return this.#latenciesMs;
  }
}
