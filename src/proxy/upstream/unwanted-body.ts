/**
 * Reads the rest of an answer that nobody wants, so that the connection can serve again. That is worth a little of a body,
 * and a little time: beyond it a new connection is cheaper.
 */
import type { ConnectionUser, TargetConnection } from './target-connection.ts';

/** As much as a long error page. */
const BYTES_MAX = 65_536;
/** For all of it, however it trickles. */
export const UNWANTED_MS_MAX = 1_000;

export class UnwantedBody implements ConnectionUser {
  readonly method = '';
  readonly upgrade = '';
  readonly copiedBytesMax = Number.POSITIVE_INFINITY;
  readonly #connection: TargetConnection;
  readonly #requestIsComplete: boolean;
  #bytes = 0;

  constructor(connection: TargetConnection, requestIsComplete: boolean) {
    this.#connection = connection;
    this.#requestIsComplete = requestIsComplete;
  }

  onConnected(): void {}

  onInterim(): void {}

  onResponse(): void {}

  onBody(chunk: Buffer): null {
    this.#bytes += chunk.length;
    if (this.#bytes > BYTES_MAX) {
      this.#connection.destroy();
    }
    return null;
  }

  onEnd(): void {
    this.#connection.release(this.#requestIsComplete);
  }

  onTurnEnd(): void {}

  onDrain(): void {}

  onFailure(): void {}
}
