/**
 * The head that a client is sending: HEADERS, and CONTINUATION until its end (RFC 9113 sections 4.3 and 6.2). One that is whole in
 * its first frame, as nearly all are, is never copied.
 */

/** Frames that a head may be spread over. Nobody needs more than its bytes fill, and each costs us (CVE-2024-27316). */
const FRAMES_MAX = 64;

export class HeaderBlock {
  /** What it belongs to; 0: no head is being sent. */
  stream = 0;
  endsStream = false;
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  begin(stream: number, endsStream: boolean): void {
    this.stream = stream;
    this.endsStream = endsStream;
  }

  /** False: it is more than anybody needs. */
  add(payload: Buffer, from: number, to: number): boolean {
    this.#parts.push(Buffer.from(payload.subarray(from, to)));
    this.#bytes += to - from;
    return this.#bytes <= this.#bytesMax && this.#parts.length <= FRAMES_MAX;
  }

  /** All of it, after which none is being sent. */
  takeAll(): Buffer {
    const whole = Buffer.concat(this.#parts, this.#bytes);
    this.clear();
    return whole;
  }

  clear(): void {
    this.stream = 0;
    this.#parts = [];
    this.#bytes = 0;
  }
}
