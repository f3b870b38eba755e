/**
 * `node steady-load.ts TASK`: requests at a fixed rate, however long the answers take. Each is timed from when it was due,
 * so that one that had to wait for a client to become free has waited, too.
 */
import { type Socket, connect } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { setTimeout as wait } from 'node:timers/promises';
import { quantile } from '../quantile.ts';

/** In its only argument, as JSON. */
export interface SteadyTask {
  /** "http://127.0.0.1:8080" or "https://…" */
  readonly origin: string;
  readonly path: string;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Kept connections, each with one request at a time. */
  readonly connections: number;
}

/** Printed as JSON, in the last line. */
export interface SteadyResult {
  /** Milliseconds, by SHARES. */
  readonly latenciesMs: readonly number[];
  /** Answers that were not 200, or did not come within a time that nobody waits. */
  readonly failed: number;
}

/** Of the requests, which the latency at the same place of `latenciesMs` is not above. */
export const SHARES = [0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999] as const;

/** Of the same before those that count, until code is compiled and connections are known to all. */
const LEAD_SECONDS = 1;
/** After the last request was due. */
const PATIENCE_MS = 3_000;
const OPEN_MS_MAX = 5_000;
const HEAD_END = Buffer.from('\r\n\r\n');

async function main(task: SteadyTask): Promise<void> {
  const crowd = await Crowd.open(task);
  const lead = task.rate * LEAD_SECONDS;
  const total = lead + task.rate * task.seconds;
  const startedMs = performance.now();
  crowd.countedFromMs = startedMs + LEAD_SECONDS * 1000;
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - startedMs) / 1000) * task.rate));
    for (; sent < due; sent++) crowd.ask(startedMs + (sent * 1000) / task.rate);
    await wait(1);
  }
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (crowd.answered < total && performance.now() < deadlineMs) await wait(5);
  const sorted = Float64Array.from(crowd.latenciesMs).toSorted();
  const result: SteadyResult = {
    latenciesMs: SHARES.map((share) => quantile(sorted, share)),
    failed: total - lead - sorted.length,
  };
  console.log(JSON.stringify(result));
  crowd.close();
}

/** Clients that share the requests: whoever is free takes the one that is due. */
class Crowd {
  readonly latenciesMs: number[] = [];
  /** When the requests were due from which on latencies are kept. */
  countedFromMs = 0;
  answered = 0;
  readonly #clients: Client[];
  readonly #free: Client[];
  /** When the requests were due that nobody was free for; taken from the front. */
  readonly #waiting: number[] = [];
  #taken = 0;

  private constructor(clients: Client[]) {
    this.#clients = clients;
    this.#free = [...clients];
  }

  static async open({ origin, path, connections }: SteadyTask): Promise<Crowd> {
    const sockets = await Promise.all(Array.from({ length: connections }, () => openSocket(origin)));
    const request = `GET ${path} HTTP/1.1\r\nHost: ${new URL(origin).host}\r\n\r\n`;
    const clients = sockets.map((socket) => new Client(socket, request));
    const crowd = new Crowd(clients);
    for (const client of clients) client.onAnswer = (isGood, dueMs) => crowd.#onAnswer(client, isGood, dueMs);
    return crowd;
  }

  ask(dueMs: number): void {
    const client = this.#free.pop();
    if (client === undefined) this.#waiting.push(dueMs);
    else client.ask(dueMs);
  }

  #onAnswer(client: Client, isGood: boolean, dueMs: number): void {
    this.answered++;
    if (isGood && dueMs >= this.countedFromMs) this.latenciesMs.push(performance.now() - dueMs);
    if (client.isClosed) return;
    const next = this.#waiting[this.#taken];
    if (next === undefined) this.#free.push(client);
    else client.ask(next);
    if (next !== undefined) this.#taken++;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** One request at a time on a kept connection. */
class Client {
  onAnswer: (isGood: boolean, dueMs: number) => void = () => {};
  isClosed = false;
  readonly #socket: Socket;
  readonly #request: string;
  #dueMs = Number.NaN;
  #head: Buffer | null = null;
  #isGood = false;
  #bodyBytesLeft = 0;

  constructor(socket: Socket, request: string) {
    this.#socket = socket;
    this.#request = request;
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes)).on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      if (!Number.isNaN(this.#dueMs)) this.#answered(false);
    });
  }

  ask(dueMs: number): void {
    this.#dueMs = dueMs;
    this.#socket.write(this.#request, 'latin1');
  }

  #onBytes(bytes: Buffer): void {
    if (this.#bodyBytesLeft === 0) {
      const seen = this.#head === null ? bytes : Buffer.concat([this.#head, bytes]);
      const end = seen.indexOf(HEAD_END);
      this.#head = end < 0 ? seen : null;
      if (end < 0) return;
      const head = seen.toString('latin1', 0, end);
      const bodyBytes = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.NaN);
      this.#isGood = head.startsWith('HTTP/1.1 200') && bodyBytes >= 0;
      this.#bodyBytesLeft = bodyBytes - (seen.length - end - HEAD_END.length);
    } else this.#bodyBytesLeft -= bytes.length;
    // Not a number where there is no length: the answer is a failure at once, and its connection of no more use.
    if (!(this.#bodyBytesLeft > 0)) this.#answered(this.#isGood);
  }

  #answered(isGood: boolean): void {
    const dueMs = this.#dueMs;
    this.#dueMs = Number.NaN;
    this.#bodyBytesLeft = 0;
    this.onAnswer(isGood, dueMs);
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}

function openSocket(origin: string): Promise<Socket> {
  const { protocol, port, hostname: host } = new URL(origin);
  return new Promise((resolve, reject) => {
    const isSecure = protocol === 'https:';
    const where = { port: Number(port), host };
    const socket = isSecure ? connectSecurely({ ...where, rejectUnauthorized: false }) : connect(where);
    socket.setNoDelay(true).setTimeout(OPEN_MS_MAX, () => reject(new Error(`${origin} does not let clients in`)));
    socket.once('error', reject);
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      socket.removeAllListeners('error');
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as SteadyTask);
