/**
 * The response's way from the target's connection to the client: its heads, with what is changed of them, and its body, as
 * it comes or when it is whole. It has the connection from the time that it is claimed until it is given back.
 *
 *   onInterim ─► onResponse ─► onBody ... ─► onEnd ─► the exchange is over
 *                       └─ 101 ─► tunnel ─► the same
 */
import { assert } from '../../base/assert.ts';
import type { KeptIn } from '../../snapshot/buffer-spec.ts';
import type { ServiceBuffers } from '../buffer/service-buffers.ts';
import type { AccessEntry } from '../access-log.ts';
import type { Downstream } from '../downstream.ts';
import type { FailureCode } from '../errors.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ResponseEdits } from '../http1/response-writer.ts';
import type { Sender } from '../read-buffers.ts';
import type { ConnectionUser, FailureContext, TargetConnection } from '../upstream/target-connection.ts';
import { UNWANTED_MS_MAX, UnwantedBody } from '../upstream/unwanted-body.ts';
import { BufferedResponse, type BufferedResponseUser } from './buffered-response.ts';
import type { ExchangeRequest } from './exchange-input.ts';
import type { Placement } from './placement.ts';
import { Tunnel } from './tunnel.ts';

/** User code that sees the response. */
export interface ResponseEditor {
  /** What goes to the client otherwise than it came; `null`: it failed, and has been reported. */
  edit(head: ResponseHead): ResponseEdits | null;
}

/** Fields that the service adds to the answer. */
export interface AnswerFields {
  /** Complete lines, for an answer of the target with this id. */
  of(targetId: string): string;
}

/** What comes before a response is passed on, and what follows from it. */
export interface RelayUser {
  /** The target was sent all that the client has sent. */
  readonly isRequestSent: boolean;
  readonly responseBodyIdleMs: number;
  readonly tunnelIdleMs: number;
  onConnected(connection: TargetConnection): void;
  /** A final head has come. False: it is not passed on, as there is a further try. */
  onAnswered(status: number): boolean;
  /** Bytes pass as they are from now on, each way. */
  onSwitched(): void;
  /** The client is about to get the end of it. */
  onReplied(): void;
  /** It cannot be passed on. */
  onFault(code: FailureCode): void;
  onTargetDrain(): void;
  onFailure(code: FailureCode, how: FailureContext): void;
}

export class ResponseRelay implements ConnectionUser, BufferedResponseUser {
  readonly method: string;
  readonly upgrade: string;
  readonly #downstream: Downstream;
  readonly #buffers: ServiceBuffers | null;
  readonly #userField: string;
  readonly #place: Placement;
  readonly #answerFields: AnswerFields | null;
  readonly #editor: ResponseEditor | null;
  readonly #entry: AccessEntry | null;
  /** Set by the exchange that it is made for, before anything can come. */
  user!: RelayUser;
  connection: TargetConnection | null = null;
  /** Keeps the response until it is whole; null: it passes as it comes, or there is none yet. */
  #buffered: BufferedResponse | null = null;
  /** null: bytes are parts of messages. */
  tunnel: Tunnel | null = null;
  hasInterim = false;
  /** What the target has answered; 0: nothing yet. */
  targetStatus = 0;
  /** What the client is told; 0: nothing yet. */
  status = 0;

  /** `userField`: gives a user its id, as a complete line; "" for none. `editor` null: no user code sees the response. */
  constructor(
    request: ExchangeRequest,
    downstream: Downstream,
    place: Placement,
    buffers: ServiceBuffers | null,
    userField: string,
    answerFields: AnswerFields | null,
    editor: ResponseEditor | null,
  ) {
    this.method = request.method;
    this.upgrade = request.upgrade;
    this.#downstream = downstream;
    this.#place = place;
    this.#buffers = buffers;
    this.#userField = userField;
    this.#answerFields = answerFields;
    this.#editor = editor;
    this.#entry = request.entry;
  }

  // --- the connection ----------------------------------------------------------------------------------------------

  claim(connection: TargetConnection): void {
    this.connection = connection;
    connection.claim(this);
  }

  onConnected(): void {
    assert(this.connection !== null, 'only the connection of an exchange connects for it');
    this.user.onConnected(this.connection);
  }

  /** The connection may serve the next one, if `isRequestSent` and nothing else is in the way. */
  release(isRequestSent: boolean): void {
    this.connection?.release(isRequestSent);
    this.connection = null;
  }

  drop(): void {
    this.connection?.destroy();
    this.connection = null;
  }

  onFailure(code: FailureCode, how: FailureContext): void {
    this.connection = null;
    this.user.onFailure(code, how);
  }

  onDrain(): void {
    this.user.onTargetDrain();
  }

  // --- heads -------------------------------------------------------------------------------------------------------

  onInterim(head: ResponseHead): void {
    this.hasInterim = true;
    this.#downstream.interim(head);
  }

  onResponse(head: ResponseHead): void {
    if (!this.user.onAnswered(head.status)) {
      return;
    }
    this.targetStatus = head.status;
    this.status = head.status;
    if (head.status === 101) {
      return this.#switch(head);
    }
    if (this.#editor !== null) {
      return this.#respondEdited(head, this.#editor);
    }
    this.#respond(head, null);
  }

  /** What the client is told, and not what the target said, is what is counted. */
  #respondEdited(head: ResponseHead, editor: ResponseEditor): void {
    this.status = 0;
    const edits = editor.edit(head);
    if (edits === null) {
      return this.user.onFault('user_code_failed');
    }
    this.status = edits.status;
    this.#respond(head, edits);
  }

  #respond(head: ResponseHead, edits: ResponseEdits | null): void {
    if (!this.#downstream.respond(head, this.#extraFields, edits) && head.framing !== 'none') {
      return this.#endReplaced();
    }
    this.connection?.limitSilence(this.user.responseBodyIdleMs);
    const spec = this.#buffers === null ? null : this.#buffers.ofResponse(head);
    if (spec !== null && this.#buffers !== null) {
      this.#buffered = new BufferedResponse(spec, this.#buffers.spool, this.#downstream, this);
      if (head.framing === 'length' && !this.#buffered.takes(head.contentLength)) {
        this.user.onFault('response_too_large');
      }
    }
  }

  get #extraFields(): string {
    const fields = this.#userField + this.#place.sessionField;
    return this.#answerFields === null ? fields : fields + this.#answerFields.of(this.#place.target.id);
  }

  /** The client has a whole answer, and waits for nothing that the target may still send. */
  #endReplaced(): void {
    const { connection } = this;
    this.connection = null;
    connection?.passTo(new UnwantedBody(connection, this.user.isRequestSent), UNWANTED_MS_MAX);
    this.user.onReplied();
    this.#downstream.end(null);
  }

  #switch(head: ResponseHead): void {
    this.tunnel = new Tunnel(this, this.#downstream);
    this.user.onSwitched();
    this.connection?.limitSilence(this.user.tunnelIdleMs);
    this.#downstream.switchProtocols(head);
  }

  /** A side of the tunnel has ended. */
  finishTunnel(): void {
    if (this.tunnel !== null && this.tunnel.isOver) {
      this.release(false);
      this.user.onReplied();
    }
  }

  // --- the body ----------------------------------------------------------------------------------------------------

  get copiedBytesMax(): number {
    return this.#downstream.copiedBytesMax;
  }

  onBody(chunk: Buffer): Sender | null {
    if (this.#entry !== null) {
      this.#entry.bytesOut += chunk.length;
    }
    return this.#buffered === null ? this.#downstream.body(chunk) : this.#keep(this.#buffered, chunk);
  }

  #keep(buffered: BufferedResponse, chunk: Buffer): null {
    this.#downstream.expectMore();
    const result = buffered.add(chunk);
    if (result !== 'kept') {
      this.user.onFault(result === 'too-long' ? 'response_too_large' : 'buffer_unavailable');
    }
    return null;
  }

  onEnd(trailers: FieldSection | null): void {
    if (this.tunnel !== null) {
      this.tunnel.endByTarget();
      return this.finishTunnel();
    }
    // Released before the client is told, whose next request may be waiting for just this connection.
    this.release(this.user.isRequestSent);
    if (this.#buffered !== null) {
      this.#place.leaveEarly();
      this.#buffered.end(trailers);
      return;
    }
    this.user.onReplied();
    this.#downstream.end(trailers);
  }

  onTurnEnd(): void {
    if (this.#buffered !== null) {
      if (this.#buffered.isBehind) {
        this.connection?.pause();
      }
      return;
    }
    this.#downstream.flush();
    if (this.#downstream.isBlocked) {
      this.connection?.pause();
    }
  }

  /** The client has room again. */
  resume(): void {
    this.connection?.resume();
    this.#buffered?.resume();
  }

  onResponseKept(keptIn: KeptIn): void {
    this.#place.pool.kept.add(`response ${keptIn}`);
  }

  onResponseRoom(): void {
    this.connection?.resume();
  }

  onDelivered(trailers: FieldSection | null): void {
    this.user.onReplied();
    this.#downstream.end(trailers);
  }

  onBufferFailure(): void {
    this.user.onFault('buffer_unavailable');
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** The client may have got some of it. */
  get hasReachedClient(): boolean {
    return this.status !== 0 && (this.#buffered === null || this.#buffered.isDelivering);
  }

  /** Takes a response back that was begun, of which the client has got nothing. */
  withdraw(): void {
    if (this.status !== 0) {
      this.#downstream.withdraw();
    }
  }

  close(): void {
    this.#buffered?.close();
  }
}
