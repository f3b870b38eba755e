import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** A client that has no answer by then has given up. */
const PATIENCE_MS = 2_000;
const CONNECTIONS_MAX = 256;

export interface OpenLoad {
  readonly port: number;
  /** Requests a second, whether or not the ones before have been answered. */
  readonly rate: number;
  readonly seconds: number;
  /** Of the request with that number; without it, "/". */
  readonly pathOf?: (number: number) => string;
}

export interface OpenResult {
  readonly requests: number;
  /** By what came instead of a 200: a status, or what broke. */
  readonly errors: ReadonlyMap<string, number>;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Clients that come when they come: a proxy that is slow gets no fewer of them. */
export async function runOpenLoad({ port, rate, seconds, pathOf = () => '/' }: OpenLoad): Promise<OpenResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, scheduling: 'lifo' });
  const latencies: number[] = [];
  const errors = new Map<string, number>();
  const answers: Promise<void>[] = [];
  const startedMs = performance.now();
  const total = rate * seconds;
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - startedMs) / 1000) * rate));
    for (; sent < due; sent++) {
      const dueMs = startedMs + (sent * 1000) / rate;
      const answer = ask(agent, port, pathOf(sent)).then((outcome) => {
        latencies.push(performance.now() - dueMs);
        if (outcome !== '200') errors.set(outcome, (errors.get(outcome) ?? 0) + 1);
      });
      answers.push(answer);
    }
    await wait(1);
  }
  await Promise.all(answers);
  agent.destroy();
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { requests: total, errors, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function ask(agent: Agent, port: number, path: string): Promise<string> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const asking = request({ agent, port, host: '127.0.0.1', path, signal }, (response) => {
      response.resume();
      response.once('end', () => resolve(String(response.statusCode)));
      response.once('error', () => resolve('broken'));
    });
    asking.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.name === 'AbortError' ? 'too late' : (error.code ?? error.message)),
    );
    asking.end();
  });
}
