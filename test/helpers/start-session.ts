import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import { onTestFinished } from 'vitest';

export interface StreamRequest {
  readonly method?: string;
  readonly path?: string;
  readonly fields?: OutgoingHttpHeaders;
  readonly body?: Buffer | string;
  readonly trailers?: Readonly<Record<string, string>>;
}

export interface StreamResponse {
  readonly status: number;
  readonly fields: Readonly<Record<string, string | string[] | undefined>>;
  /** Names and values as they came. */
  readonly raw: readonly string[];
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  /** Statuses of interim responses, and what they brought. */
  readonly interims: readonly Readonly<Record<string, unknown>>[];
}

/** The stream ended before the answer did. */
export class BrokenStream extends Error {
  readonly code: number;
  readonly received: number;

  constructor(code: number, received: number) {
    super(`the stream ended with code ${code} after ${received} bytes`);
    this.code = code;
    this.received = received;
  }
}

/** A client of node:http2 that knows that HTTP/2 is spoken. */
export class Session {
  readonly session: ClientHttp2Session;
  /** Codes of the GOAWAY frames that came, and the last stream that each still takes. */
  readonly goaways: (readonly [code: number, lastStream: number])[] = [];
  readonly ended: Promise<void>;

  constructor(origin: string, ca?: string) {
    this.session = connect(origin, { settings: { enablePush: false }, ...(ca === undefined ? {} : { ca }) });
    this.session.on('error', () => undefined);
    this.session.on('goaway', (code: number, lastStream: number) => this.goaways.push([code, lastStream]));
    this.ended = new Promise((resolve) => this.session.once('close', resolve));
  }

  /** Rejects with `BrokenStream`. */
  request(request: StreamRequest = {}): Promise<StreamResponse> {
    return answerOf(this.open(request));
  }

  /** Begins a request; one whose body is not given is not ended where its method has one. */
  open({ method = 'GET', path = '/', fields = {}, body, trailers }: StreamRequest = {}): ClientHttp2Stream {
    const hasBody = body !== undefined || method === 'POST' || method === 'PUT';
    const stream = this.session.request(
      { ':method': method, ':path': path, ...fields },
      { endStream: !hasBody, waitForTrailers: trailers !== undefined },
    );
    if (trailers !== undefined) stream.once('wantTrailers', () => stream.sendTrailers(trailers));
    if (body !== undefined) stream.end(body);
    return stream;
  }

  close(): void {
    this.session.destroy();
  }
}

/** Of a request that was begun. Rejects with `BrokenStream`. */
export function answerOf(stream: ClientHttp2Stream): Promise<StreamResponse> {
  return new Promise((resolve, reject) => {
    const interims: Record<string, unknown>[] = [];
    const chunks: Buffer[] = [];
    let head: { fields: StreamResponse['fields']; raw: readonly string[] } | null = null;
    let trailers = {};
    let isWhole = false;
    stream.on('headers', (fields: Record<string, unknown>) => interims.push(fields));
    stream.on('response', (fields, _flags: number, raw: string[]) => (head = { fields: fields as never, raw }));
    stream.on('trailers', (fields: object) => (trailers = fields));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => (isWhole = !stream.aborted && stream.rstCode === 0));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      const body = Buffer.concat(chunks);
      if (head === null || !isWhole || stream.rstCode !== 0) {
        return reject(new BrokenStream(stream.rstCode ?? -1, body.length));
      }
      resolve({ status: Number(head.fields[':status']), ...head, body, trailers, interims });
    });
  });
}

/** For the running test. `ca`: who signs for the proxy; without one it is spoken without TLS. */
export function startSession(port: number, ca?: string): Session {
  const session = new Session(`${ca === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, ca);
  onTestFinished(() => session.close());
  return session;
}
