/** An address that accepts clients: opens their connections, bounds how many there are, and counts what they do. */
import { createServer, type Server, type Socket } from 'node:net';
import type { ListenerReport } from '../../snapshot/data-plane.ts';
import type { ListenerSpec } from '../../snapshot/types.ts';
import { Tally } from '../counters.ts';
import type { Deadlines } from '../deadlines.ts';
import type { FailureCode } from '../errors.ts';
import { ClientConnection, type ClientHost, type RunningRequest } from '../http1/client-connection.ts';
import { RequestHead } from '../http1/request-head.ts';
import { type Origin, originOf, plainAddress } from '../origin.ts';

/** What a listener hands its requests to. */
export interface RequestSink {
  begin(connection: ClientConnection, head: RequestHead): RunningRequest | FailureCode;
  /** Accounts for a request that no service took. */
  refused(): void;
  newRequestId(): string;
  isTrusted(address: string): boolean;
}

export class Listener implements ClientHost {
  readonly spec: ListenerSpec;
  readonly deadlines: Deadlines;
  readonly requestHead: RequestHead;
  isClosing = false;
  readonly #sink: RequestSink;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();
  readonly #refused = new Tally<FailureCode>();
  #accepted = 0;
  #active = 0;
  #tunnels = 0;

  constructor(spec: ListenerSpec, deadlines: Deadlines, sink: RequestSink) {
    this.spec = spec;
    this.deadlines = deadlines;
    this.#sink = sink;
    this.requestHead = new RequestHead({
      requestLineBytesMax: spec.limits.requestLineBytesMax,
      fieldsMax: spec.limits.fieldsMax,
    });
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = spec.limits.connectionsMax;
    // Running out of descriptors makes accept fail; the listener lives on and serves those it has.
    this.#server.on('error', ignore);
  }

  /** Begins to accept. Rejects where the address cannot be bound. */
  listen(): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: this.spec.host, port: this.spec.port, backlog: 511 }, () => {
        this.#server.off('error', reject);
        const address = this.#server.address();
        const bound = typeof address === 'object' && address !== null ? address : { address: '', port: 0 };
        resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '');
    if (address === '') {
      // The client was gone before we came to it.
      socket.destroy();
      return;
    }
    this.#accepted++;
    this.#connections.add(new ClientConnection(socket, this.#originOf(socket, address), this));
  }

  #originOf(socket: Socket, address: string): Origin {
    const local = plainAddress(socket.localAddress ?? '');
    const authority = local.includes(':') ? `[${local}]` : local;
    return originOf(address, this.#sink.isTrusted(address), 'http', `${authority}:${socket.localPort ?? 0}`);
  }

  begin(connection: ClientConnection, head: RequestHead): RunningRequest | null {
    const begun = this.#sink.begin(connection, head);
    if (typeof begun !== 'string') {
      return begun;
    }
    connection.answer(begun, begun === 'no_target' ? this.#sink.newRequestId() : this.refused(begun));
    return null;
  }

  refused(code: FailureCode): string {
    this.#refused.add(code);
    this.#sink.refused();
    return this.#sink.newRequestId();
  }

  becameActive(): void {
    this.#active++;
  }

  becameIdle(): void {
    this.#active--;
  }

  becameTunnel(): void {
    this.#tunnels++;
  }

  closed(connection: ClientConnection, wasActive: boolean, wasTunnel: boolean): void {
    this.#connections.delete(connection);
    if (wasActive) {
      this.#active--;
    }
    if (wasTunnel) {
      this.#tunnels--;
    }
  }

  /** Accepts no more; the connections there are go on. */
  stopAccepting(): void {
    this.#server.close();
  }

  closeIdle(): void {
    for (const connection of this.#connections) {
      connection.closeIfIdle();
    }
  }

  /** Ends every connection, whatever is under way on it. */
  destroyAll(): void {
    for (const connection of this.#connections) {
      connection.destroy();
    }
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  report(): ListenerReport {
    const active = this.#active - this.#tunnels;
    return {
      listener: this.spec.name,
      connections: { idle: this.#connections.size - this.#active, active, tunnel: this.#tunnels },
      acceptedTotal: this.#accepted,
      refused: this.#refused.report(),
    };
  }
}

function ignore(): void {}
