/** An address that accepts clients: opens their connections, bounds how many there are, and counts what they do. */
import { createServer, type Server, type Socket } from 'node:net';
import { Roster } from '../../base/roster.ts';
import type { ListenerCredentials } from '../../snapshot/credential-spec.ts';
import type { ListenerReport } from '../../snapshot/data-plane.ts';
import type { ListenerSpec } from '../../snapshot/types.ts';
import { Tally } from '../counters.ts';
import type { AccessLog } from '../access-log.ts';
import type { Deadlines } from '../deadlines.ts';
import type { DescriptorBudget } from '../descriptor-budget.ts';
import type { FailureCode } from '../errors.ts';
import { ClientConnection } from '../http1/client-connection.ts';
import { SHARED_READ_BYTES } from '../socket-reads.ts';
import type { ClientLink, Requester, RunningRequest } from '../http1/client-host.ts';
import type { HeldRequest } from '../hold/held-request.ts';
import { RequestHead } from '../http1/request-head.ts';
import { ClientSession } from '../http2/client-session.ts';
import { FlushRound } from '../http2/frames/flush-round.ts';
import type { SessionHost } from '../http2/session-host.ts';
import { StreamHeadReader } from '../http2/stream-head.ts';
import { Origin, plainAddress } from '../origin.ts';
import type { ReadBuffers } from '../read-buffers.ts';
import type { PrefaceParts } from '../tunnel/preface.ts';
import { TunnelClient, type TunnelHost } from '../tunnel/tunnel-client.ts';
import type { TunnelExchange } from '../tunnel/tunnel-exchange.ts';
import { ClientCounts } from './client-counts.ts';
import type { Handshake } from './handshake.ts';
import { Opening, type OpeningHost } from './opening.ts';
import { SecureDoor } from './secure-door.ts';

/** Connections that wait to be accepted; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4096;

/** Mistakes of ours are accounted for where they are found. */
const ACCOUNTED: ReadonlySet<FailureCode> = new Set(['internal']);

/** What a listener hands its requests to. */
export interface RequestSink {
  /** Null: it was answered at once, and accounted for. */
  begin(requester: Requester, head: RequestHead): RunningRequest | FailureCode | null;
  /** The same of a connection whose bytes pass as they are. `isResumed`: it has waited for the end of a pause. */
  beginTunnel(client: TunnelClient, isResumed: boolean): TunnelExchange | HeldRequest | FailureCode | null;
  /** Whether the services that name the listener are told apart by the server's name that TLS clients ask for. */
  wantsServerName(listener: string): boolean;
  /** Accounts for a request that no service took. */
  refused(code: FailureCode): void;
  /** Hears of a mistake of ours. */
  failed(error: unknown): void;
  newRequestId(): string;
  isTrusted(address: string): boolean;
}

/** What the listeners of one process share. */
export interface ListenerShared {
  readonly deadlines: Deadlines;
  readonly descriptors: DescriptorBudget;
  readonly readBuffers: ReadBuffers;
  /** null: requests are not logged. */
  readonly accessLog: AccessLog | null;
}

/** Why a connection was closed at once. */
type TurnAwayReason = 'too_many_connections' | 'too_many_of_client' | 'too_few_descriptors';

export class Listener implements SessionHost, OpeningHost, TunnelHost {
  readonly spec: ListenerSpec;
  readonly deadlines: Deadlines;
  readonly requestHead: RequestHead;
  readonly readBuffers: ReadBuffers;
  readonly readBuffer = Buffer.allocUnsafeSlow(SHARED_READ_BYTES);
  readonly fields: string[] = [];
  readonly flushRound = new FlushRound();
  isClosing = false;
  readonly #descriptors: DescriptorBudget;
  readonly #loopLagMsMax: number;
  readonly #sink: RequestSink;
  readonly #accessLog: AccessLog | null;
  readonly #servers: Server[] = [];
  readonly #connections = new Roster<'linkSlot', ClientLink>('linkSlot');
  /** null: TLS is not spoken here. */
  #door: SecureDoor | null = null;
  readonly #clients = new ClientCounts();
  readonly #turnedAway = new Tally<TurnAwayReason>();
  readonly #refused = new Tally<FailureCode>();
  #streamHead: StreamHeadReader | null = null;
  #accepted = 0;
  #active = 0;
  #tunnels = 0;

  constructor(
    spec: ListenerSpec,
    { deadlines, descriptors, readBuffers, accessLog }: ListenerShared,
    sink: RequestSink,
  ) {
    this.spec = spec;
    this.deadlines = deadlines;
    this.#descriptors = descriptors;
    this.readBuffers = readBuffers;
    this.#loopLagMsMax = spec.limits.loopLagMs === 0 ? Number.POSITIVE_INFINITY : spec.limits.loopLagMs;
    this.#sink = sink;
    this.#accessLog = accessLog;
    this.requestHead = new RequestHead({
      requestLineBytesMax: spec.limits.requestLineBytesMax,
      fieldsMax: spec.limits.fieldsMax,
    });
  }

  /** For clients that connect from now on. Throws where they cannot be used; what was in use before stays so. */
  useCredentials({ certificates, ticketKeys }: ListenerCredentials): void {
    const { name, tls } = this.spec;
    if (tls === null) return;
    const own = certificates[name] ?? [];
    if (this.#door === null) this.#door = new SecureDoor(this, tls, own, ticketKeys);
    else this.#door.use(own, ticketKeys);
  }

  /** Begins to accept, at the address or on inherited descriptors. Rejects where that is not possible. */
  async listen(fds: readonly number[]): Promise<{ host: string; port: number }> {
    const { host, port } = this.spec;
    const places = fds.length === 0 ? [{ host, port, backlog: BACKLOG }] : fds.map((fd) => ({ fd, backlog: BACKLOG }));
    const bound = await Promise.all(places.map((place) => this.#open(place)));
    return bound[0] ?? { host, port };
  }

  #open(place: { host: string; port: number } | { fd: number }): Promise<{ host: string; port: number }> {
    // Whoever leaves in the middle of a handshake has nothing to wait for.
    const options = { allowHalfOpen: this.#door === null, noDelay: true };
    const server = createServer(options, (socket) => this.#accept(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(place, () => {
        server.off('error', reject);
        // Running out of descriptors makes accepting fail; the listener lives on and serves those it has.
        server.on('error', ignore);
        const address = server.address();
        const isKnown = typeof address === 'object' && address !== null;
        resolve(
          isKnown ? { host: address.address, port: address.port } : { host: this.spec.host, port: this.spec.port },
        );
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
    const isTrusted = this.#sink.isTrusted(address);
    const reason = this.#turnAway(address, isTrusted);
    if (reason !== null) {
      this.#turnedAway.add(reason);
      // A reset leaves nothing behind, where an ordinary end would be remembered for a minute (TIME-WAIT).
      socket.resetAndDestroy();
      return;
    }
    this.#accepted++;
    if (this.#isCounted(isTrusted)) {
      this.#clients.enter(address);
    }
    this.#connections.add(this.#linkOf(socket, originOfSocket(socket, address, isTrusted, this.spec)));
  }

  #linkOf(socket: Socket, origin: Origin): ClientLink {
    if (this.#door !== null) return this.#door.enter(socket, origin);
    if (this.spec.protocol === 'tcp') return new TunnelClient(socket, origin, this);
    return this.spec.http2 ? new Opening(socket, origin, this) : new ClientConnection(socket, origin, this);
  }

  /** What is spoken is known, as ALPN names it; "": nothing was said of it. */
  opened(link: Handshake | Opening, socket: Socket, protocol: string): void {
    const { origin } = link;
    const isHttp2 = protocol === 'h2';
    this.#connections.delete(link);
    this.#connections.add(
      isHttp2 ? new ClientSession(socket, origin, this) : new ClientConnection(socket, origin, this),
    );
  }

  abandoned(handshake: Handshake): void {
    this.closed(handshake, false, false);
  }

  /** Made when the first client comes that speaks HTTP/2. */
  get streamHead(): StreamHeadReader {
    this.#streamHead ??= new StreamHeadReader(this.requestHead, this.spec.limits);
    return this.#streamHead;
  }

  /** Why there is no room for this client; null: there is, and it has it now. */
  #turnAway(address: string, isTrusted: boolean): TurnAwayReason | null {
    const { connectionsMax, connectionsPerClientMax } = this.spec.limits;
    if (this.#connections.size >= connectionsMax) {
      return 'too_many_connections';
    }
    if (this.#isCounted(isTrusted) && this.#clients.of(address) >= connectionsPerClientMax) {
      return 'too_many_of_client';
    }
    return this.#descriptors.take() ? null : 'too_few_descriptors';
  }

  /** Nobody is counted where there is no limit, and trusted proxies never are: each of them is many clients. */
  #isCounted(isTrusted: boolean): boolean {
    return this.spec.limits.connectionsPerClientMax > 0 && !isTrusted;
  }

  begin(requester: Requester, head: RequestHead): RunningRequest | null {
    const begun = this.#tryBegin(requester, head);
    if (typeof begun !== 'string') {
      return begun;
    }
    const newId = ACCOUNTED.has(begun) ? this.#sink.newRequestId() : this.refused(begun, requester, head);
    requester.answer(begun, requester.requestId || newId);
    return null;
  }

  prefaceOf({ isTrusted }: Origin): PrefaceParts | null {
    const proxyHeader = this.spec.proxyProtocol && isTrusted;
    const serverName = this.#sink.wantsServerName(this.spec.name);
    return proxyHeader || serverName ? { proxyHeader, serverName } : null;
  }

  beginTunnel(client: TunnelClient, isResumed: boolean): TunnelExchange | HeldRequest | null {
    const begun = this.#tryBeginTunnel(client, isResumed);
    if (typeof begun !== 'string') {
      return begun;
    }
    if (ACCOUNTED.has(begun)) {
      this.#logRefused(client, begun);
    } else {
      this.refusedTunnel(client, begun);
    }
    client.abort();
    return null;
  }

  refusedTunnel(client: TunnelClient, code: FailureCode): void {
    this.refused(code);
    this.#logRefused(client, code);
  }

  #logRefused(client: TunnelClient, code: FailureCode): void {
    if (client.isTaken) {
      client.entry?.refuse(code);
    } else {
      this.#accessLog?.refusedConnection(client, code, this.#sink.newRequestId());
    }
  }

  /** A mistake of ours in routing a request costs that request, not the others of this process. */
  #tryBegin(requester: Requester, head: RequestHead): RunningRequest | FailureCode | null {
    if (this.deadlines.loopLag.ms > this.#loopLagMsMax) {
      return 'overloaded';
    }
    try {
      return this.#sink.begin(requester, head);
    } catch (error) {
      this.#accessLog?.refused(requester.origin, head, 'internal', requester.requestId);
      return this.#mistaken(error);
    }
  }

  #tryBeginTunnel(client: TunnelClient, isResumed: boolean): TunnelExchange | HeldRequest | FailureCode | null {
    if (this.deadlines.loopLag.ms > this.#loopLagMsMax) {
      return 'overloaded';
    }
    try {
      return this.#sink.beginTunnel(client, isResumed);
    } catch (error) {
      return this.#mistaken(error);
    }
  }

  #mistaken(error: unknown): FailureCode {
    this.#sink.failed(error);
    this.#sink.refused('internal');
    return 'internal';
  }

  /** `requester`: to be logged, unless its service has done so. `head` null: it could not be read. */
  refused(code: FailureCode, requester: Requester | null = null, head: RequestHead | null = null): string {
    this.#refused.add(code);
    this.#sink.refused(code);
    const id = this.#sink.newRequestId();
    if (this.#accessLog !== null && requester !== null && requester.requestId === '') {
      this.#accessLog.refused(requester.origin, head, code, id);
    }
    return id;
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

  closed(link: ClientLink, wasActive: boolean, wasTunnel: boolean): void {
    this.#connections.delete(link);
    this.#descriptors.giveBack();
    if (this.#isCounted(link.origin.isTrusted)) {
      this.#clients.leave(link.origin.address);
    }
    if (wasActive) {
      this.#active--;
    }
    if (wasTunnel) {
      this.#tunnels--;
    }
  }

  /** Accepts no more; the connections there are go on. */
  stopAccepting(): void {
    for (const server of this.#servers) {
      server.close();
    }
  }

  closeIdle(): void {
    for (const connection of this.#connections.all()) {
      connection.closeIfIdle();
    }
  }

  /** Ends every connection, whatever is under way on it. */
  destroyAll(): void {
    for (const connection of this.#connections.all()) {
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
      turnedAway: this.#turnedAway.report(),
      refused: this.#refused.report(),
      handshakes: this.#door?.report() ?? {},
    };
  }
}

function originOfSocket(socket: Socket, address: string, isTrusted: boolean, { name, tls }: ListenerSpec): Origin {
  return new Origin(address, isTrusted, tls === null ? 'http' : 'https', socket, name);
}

function ignore(): void {}
