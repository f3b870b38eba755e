/**
 * A client's connection whose bytes pass as they are: it is one request, which begins when it is accepted and ends when both
 * sides have said all that they had to say, or one of them breaks.
 */
import type { Socket } from 'node:net';
import type { AccessEntry } from '../access-log.ts';
import type { Deadlines } from '../deadlines.ts';
import type { FailureCode } from '../errors.ts';
import type { HeldDownstream, HeldRequest } from '../hold/held-request.ts';
import type { ClientLink } from '../http1/client-host.ts';
import type { Origin } from '../origin.ts';
import type { Sender } from '../read-buffers.ts';
import { Preface, type PrefaceParts, type PrefaceUser } from './preface.ts';
import type { Addresses } from './proxy-header.ts';
import { type ReadMemory, TunnelEnd, type TunnelEndUser } from './tunnel-end.ts';
import { TunnelExchange } from './tunnel-exchange.ts';

/** What it needs of its listener. */
export interface TunnelHost extends ReadMemory {
  readonly deadlines: Deadlines;
  /** What must be read before a connection of `origin` can be routed; null: nothing. */
  prefaceOf(origin: Origin): PrefaceParts | null;
  /** Routes it. `isResumed`: it has waited for the end of a pause. Null: it was refused, and is over. */
  beginTunnel(client: TunnelClient, isResumed: boolean): TunnelExchange | HeldRequest | null;
  /** Accounts for one that was not routed. */
  refusedTunnel(client: TunnelClient, code: FailureCode): void;
  becameActive(): void;
  becameTunnel(): void;
  closed(client: TunnelClient, wasActive: boolean, wasTunnel: boolean): void;
}

export class TunnelClient implements ClientLink, HeldDownstream, PrefaceUser, TunnelEndUser {
  readonly origin: Origin;
  linkSlot = -1;
  readonly #host: TunnelHost;
  readonly wire: TunnelEnd;
  /** What comes before it can be routed. */
  #preface: Preface | null = null;
  #held: HeldRequest | null = null;
  #exchange: TunnelExchange | null = null;
  #isTunnel = false;
  /** A service has taken it. */
  isTaken = false;
  /** Its line of the access log; null: it gets none, or none yet. */
  entry: AccessEntry | null = null;
  /** What a trusted proxy has told of who is behind it. */
  #told: Addresses | null = null;
  /** That a TLS client asks for; "": nobody has looked, or it names none. */
  serverName = '';

  constructor(socket: Socket, origin: Origin, host: TunnelHost) {
    this.origin = origin;
    this.#host = host;
    this.wire = TunnelEnd.over(socket, this, host);
    host.becameActive();
    const parts = host.prefaceOf(origin);
    if (parts === null) {
      this.#begin(false);
    } else {
      this.#preface = new Preface(parts, host.deadlines, this);
    }
  }

  // --- before it is routed -----------------------------------------------------------------------------------------

  #readPreface(preface: Preface, buffer: Buffer, count: number): void {
    const result = preface.add(buffer, count);
    if (result === 'bad') {
      this.#refusePreface('malformed_request');
    } else if (result === 'done') {
      this.#endPreface(preface);
    }
  }

  #endPreface(preface: Preface): void {
    preface.close();
    this.#preface = null;
    this.serverName = preface.serverName;
    this.#told = preface.addresses;
    this.#begin(false);
    const { bytes } = preface;
    if (bytes.length > 0) {
      this.onBytes(bytes, bytes.length);
    }
  }

  onPrefaceTimeout(isOwed: boolean): void {
    if (isOwed) {
      this.#refusePreface('request_head_timeout');
    } else if (this.#preface !== null) {
      this.#endPreface(this.#preface);
    }
  }

  /** It will not be routed. */
  #refusePreface(code: FailureCode): void {
    this.#preface?.close();
    this.#preface = null;
    this.refuse(code);
  }

  #begin(isResumed: boolean): TunnelExchange | HeldRequest | null {
    const begun = this.#host.beginTunnel(this, isResumed);
    const isRunning = begun instanceof TunnelExchange;
    this.#exchange = isRunning ? begun : null;
    this.#held = isRunning ? null : begun;
    return begun;
  }

  // --- while its service is paused ---------------------------------------------------------------------------------

  beginAgain(): TunnelExchange | HeldRequest | null {
    return this.#begin(true);
  }

  refuse(code: FailureCode): void {
    this.#held = null;
    this.#host.refusedTunnel(this, code);
    this.abort();
  }

  pauseRequest(): void {
    this.wire.pause();
  }

  resumeRequest(): void {
    if (this.#exchange === null || this.#exchange.takesBytes) {
      this.wire.resume();
    }
  }

  // --- who it is ---------------------------------------------------------------------------------------------------

  get clientAddress(): string {
    return this.#told === null ? this.origin.address : this.#told.source;
  }

  /** Between whom the connection was made, as far as that is known; null: it is gone. */
  get addresses(): Addresses | null {
    return this.#told ?? this.wire.addresses;
  }

  // --- what the exchange does with it ------------------------------------------------------------------------------

  /** What the connection that is made for it is read into, too. */
  get memory(): ReadMemory {
    return this.#host;
  }

  /** It is connected to a target. */
  becomeTunnel(): void {
    this.#isTunnel = true;
    this.#host.becameTunnel();
  }

  /** Ends it so that the client can tell that something was wrong. */
  abort(): void {
    this.wire.reset();
  }

  // --- what the listener does with it ------------------------------------------------------------------------------

  /** It never is: it may be silent for long, and still have something to say. */
  closeIfIdle(): void {}

  destroy(): void {
    this.#exchange?.cut();
    if (this.#preface !== null) {
      this.#refusePreface('cut');
    }
    this.wire.reset();
  }

  // --- what comes of it --------------------------------------------------------------------------------------------

  onBytes(buffer: Buffer, count: number): Sender | null {
    if (this.#exchange !== null) {
      return this.#exchange.fromClient(buffer, count);
    }
    this.#held?.requestBody(buffer.subarray(0, count));
    if (this.#preface !== null) {
      this.#readPreface(this.#preface, buffer, count);
    }
    return null;
  }

  onEnd(): void {
    if (this.#preface?.owesHeader === true) {
      this.#refusePreface('client_closed');
    } else if (this.#preface !== null) {
      this.#endPreface(this.#preface);
    }
    this.#exchange?.onClientEnd();
    this.#held?.requestEnd(null);
  }

  onDrain(): void {
    this.#exchange?.onClientDrain();
  }

  onStall(): void {
    this.#exchange?.onFault('client_stalled');
  }

  onBroken(): void {
    this.#exchange?.onClientBroken();
    this.#held?.onClientGone();
    if (this.#preface !== null) {
      this.#refusePreface('client_closed');
    }
  }

  onClosed(): void {
    this.#exchange?.onClientClosed();
    this.#held?.onClientGone();
    this.#exchange = null;
    this.#held = null;
    this.#host.closed(this, true, this.#isTunnel);
  }
}
