/**
 * A TCP proxy that breaks what goes through it, as it is told to: between the proxy and a target, or between a client
 * and the proxy. It knows bytes and connections and nothing of HTTP, can be told otherwise at any time, also for the
 * connections that it has, and can be told something else for each of them.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

import { turn } from '../helpers/write-pieces.ts';
import { pause } from './pause.ts';
import { hasUnaccepted } from './process-view.ts';

/** What becomes of the bytes of one direction. */
export interface Lane {
  /** Every piece comes so much later; their order stays. */
  readonly delayMs?: number;
  /** Goes on in pieces of so many bytes, with a pause before each. */
  readonly trickle?: { readonly bytes: number; readonly gapMs: number };
  /** One byte is another one, counted as `passes`. */
  readonly corrupt?: { readonly at: number; readonly xor: number };
  /**
   * After so many bytes `ending` happens; 0: with the first that comes. Counted from when bytes came the other way, so
   * that it is a place in a request, or in its answer.
   */
  readonly passes?: number;
  /**
   * `reset`: both connections are reset. `end`: the receiver sees the end of this direction alone. `silence`: what comes
   * is thrown away. `stop-reading`: what comes is left where it is, until its sender can send no more.
   */
  readonly ending?: 'reset' | 'end' | 'silence' | 'stop-reading';
}

export interface Manner {
  /** From who connects. */
  readonly request?: Lane;
  /** To who connects. */
  readonly response?: Lane;
}

/** For the bytes that have passed to arrive before what happens next. */
const SETTLE_MS = 5;

export class FaultProxy {
  /** For all connections, or for each by its number, from 1 on, in the order in which they came. */
  manner: Manner | ((connection: number) => Manner) = {};
  connectionsTotal = 0;
  /** That were open at once. */
  connectionsMost = 0;
  readonly #targetPort: number;
  readonly #links = new Set<Link>();
  #server: Server;
  #port = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = this.#newServer();
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get connectionsOpen(): number {
    return this.#links.size;
  }

  /** Takes connections, on the same port as before. */
  async accept(): Promise<void> {
    if (this.#server.listening) return;
    this.#server = this.#newServer();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /**
   * From now on nobody listens here; connections that there are go on, with those that the kernel has let in and that are
   * still in line: to close a listener resets them, which is another fault than this one.
   */
  async refuse(): Promise<void> {
    while (hasUnaccepted(this.#port)) await turn();
    if (this.#server.listening) this.#server.close();
  }

  /** Resets every connection. */
  resetAll(): void {
    for (const link of this.#links) link.reset();
  }

  async close(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    for (const link of this.#links) link.destroy();
    await pause(0);
  }

  mannerOf(connection: number): Manner {
    return typeof this.manner === 'function' ? this.manner(connection) : this.manner;
  }

  #newServer(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.connectionsTotal += 1;
      const link = new Link(this, this.connectionsTotal, socket, this.#targetPort);
      this.#links.add(link);
      this.connectionsMost = Math.max(this.connectionsMost, this.#links.size);
      link.onGone = () => this.#links.delete(link);
    });
  }
}

/** One in front of a port, for the running test. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(targetPort);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** A connection that came, and the one that was made for it. */
class Link {
  onGone: () => void = () => {};
  readonly #sockets: readonly [Socket, Socket];

  constructor(proxy: FaultProxy, number: number, client: Socket, targetPort: number) {
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#sockets = [client, target];
    const request = new LaneRun(client, target, () => proxy.mannerOf(number).request ?? {}, this);
    const response = new LaneRun(target, client, () => proxy.mannerOf(number).response ?? {}, this);
    request.other = response;
    response.other = request;
    for (const socket of this.#sockets) {
      // Whichever end breaks, so does the other.
      socket.on('error', () => this.reset());
      socket.on('close', () => this.#onClose(socket));
    }
  }

  reset(): void {
    for (const socket of this.#sockets) if (!socket.destroyed) socket.resetAndDestroy();
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #onClose(socket: Socket): void {
    const [client, target] = this.#sockets;
    const other = socket === client ? target : client;
    // It was destroyed with nothing said: so is the other, once what was under way has been.
    if (!socket.readableEnded) other.destroy();
    if (client.destroyed && target.destroyed) this.onGone();
  }
}

/** One direction of a link: pieces in their order, each treated as the manner of that moment says. */
class LaneRun {
  other: LaneRun | null = null;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #lane: () => Lane;
  readonly #link: Link;
  readonly #waiting: { readonly bytes: Buffer | null; readonly cameAt: number }[] = [];
  #isPumping = false;
  #passed = 0;
  #isOver = false;

  constructor(from: Socket, to: Socket, lane: () => Lane, link: Link) {
    this.#from = from;
    this.#to = to;
    this.#lane = lane;
    this.#link = link;
    from.on('data', (bytes: Buffer) => this.#push(bytes));
    from.on('end', () => this.#push(null));
    to.on('drain', () => from.resume());
  }

  /** A new message begins. */
  restart(): void {
    this.#passed = 0;
  }

  /** `null`: the sender has ended its side. */
  #push(bytes: Buffer | null): void {
    if (bytes !== null) this.other?.restart();
    this.#waiting.push({ bytes, cameAt: performance.now() });
    if (!this.#isPumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    for (let next = this.#waiting.shift(); next !== undefined && !this.#isOver; next = this.#waiting.shift()) {
      const { delayMs = 0 } = this.#lane();
      if (delayMs > 0) await pause(next.cameAt + delayMs - performance.now());
      if (next.bytes === null) this.#to.end();
      else await this.#carry(next.bytes);
    }
    this.#isPumping = false;
  }

  async #carry(bytes: Buffer): Promise<void> {
    const { passes = Infinity, ending, corrupt } = this.#lane();
    const piece = bytes.subarray(0, Math.max(0, passes - this.#passed));
    const at = (corrupt?.at ?? -1) - this.#passed;
    if (corrupt !== undefined && at >= 0 && at < piece.length) piece[at] = (piece[at] ?? 0) ^ corrupt.xor;
    this.#passed += piece.length;
    await this.#write(piece);
    if (ending !== undefined && this.#passed >= passes) await this.#end(ending, piece.length > 0);
  }

  async #write(piece: Buffer): Promise<void> {
    const { trickle } = this.#lane();
    const step = trickle?.bytes ?? piece.length;
    for (let at = 0; at < piece.length && !this.#to.destroyed; at += step) {
      if (trickle !== undefined) await pause(trickle.gapMs);
      const isTaken = this.#to.write(piece.subarray(at, at + step));
      if (!isTaken) this.#from.pause();
    }
  }

  async #end(how: NonNullable<Lane['ending']>, hasWritten: boolean): Promise<void> {
    if (hasWritten) await pause(SETTLE_MS);
    // Thrown away is what comes as long as the manner says so: it may be told otherwise.
    if (how === 'silence') return;
    this.#isOver = true;
    if (how === 'reset') this.#link.reset();
    if (how === 'end') this.#to.end();
    if (how === 'stop-reading') this.#from.pause();
  }
}
