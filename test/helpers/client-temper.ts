/**
 * Clients as they are out there, each on a kept connection, each asking again and again until it is told to stop, and
 * each noting in the ledger what it asked for and what it got.
 */
import { createHash } from 'node:crypto';
import { downloadBody } from './backend.ts';
import { BrokenAnswer, HttpClient, type ClientManner, type ClientRequest, type ClientResponse } from './http-client.ts';
import type { ClientEntry, RequestLedger } from './request-ledger.ts';

export interface Hammering {
  readonly port: number;
  readonly ledger: RequestLedger;
  readonly stop: AbortSignal;
}

export type Temper = (hammering: Hammering) => Promise<void>;

/** Small requests with a short breath between them. */
export const plain: Temper = (hammering) =>
  again(hammering, {}, async (client) => {
    await ask(client, hammering.ledger.begin('plain'), {});
    await breath(8);
  });

/** Asks for what takes the application its time. */
export const patient: Temper = (hammering) =>
  again(hammering, {}, (client) => ask(client, hammering.ledger.begin('patient'), { path: '/slow?ms=40' }));

/** Four requests in one write. */
export const pipelining: Temper = (hammering) =>
  again(hammering, {}, async (client) => {
    const entries = [1, 2, 3, 4].map(() => hammering.ledger.begin('pipelining'));
    const startedAt = performance.now();
    const answers = client.pipeline(entries.map((entry) => withId(entry, { path: '/' })));
    await settle(entries, startedAt, answers);
    await breath(20);
  });

/** An answer that trickles, in chunks. */
export const streaming: Temper = (hammering) =>
  again(hammering, {}, async (client) => {
    const entry = hammering.ledger.begin('streaming');
    const response = await ask(client, entry, { path: '/download?chunked=1&bytes=20000&piece=2500&gap=10' });
    if (response !== null) checkDownload(entry, response, 20_000);
  });

/** A large answer, taken slowly. */
export const slowReader: Temper = (hammering) =>
  again(hammering, { readPauseMs: 10 }, async (client) => {
    const entry = hammering.ledger.begin('slow-reader');
    const response = await ask(client, entry, { path: '/download?bytes=262144' });
    if (response !== null) checkDownload(entry, response, 262_144);
  });

/** A body sent at once. */
export const uploading: Temper = (hammering) =>
  again(hammering, {}, async (client) => {
    const entry = hammering.ledger.begin('uploading');
    const body = downloadBody('upload', entry.id, 65_536);
    const response = await ask(client, entry, { method: 'POST', path: '/upload', body });
    if (response !== null) checkUpload(entry, response, body);
    await breath(15);
  });

/** A body sent bit by bit, in chunks. */
export const slowUploading: Temper = (hammering) =>
  again(hammering, {}, async (client) => {
    const entry = hammering.ledger.begin('slow-uploading');
    const bytes = Array.from({ length: 6 }, (_, index) => downloadBody(`part ${index}`, entry.id, 3000));
    const pieces = { bytes, gapMs: 12, framing: 'chunked' } as const;
    const response = await ask(client, entry, { method: 'POST', path: '/upload', pieces });
    if (response !== null) checkUpload(entry, response, Buffer.concat(bytes));
  });

/** Marks the entry unless the body is, byte for byte, what the version that answered sends to this request. */
export function checkDownload(entry: ClientEntry, response: ClientResponse, bytes: number): void {
  entry.truncated = !response.body.equals(downloadBody(entry.version ?? '', entry.id, bytes));
}

/** Marks the entry unless the application got, byte for byte, what was sent. */
export function checkUpload(entry: ClientEntry, response: ClientResponse, sent: Buffer): void {
  const got = JSON.parse(response.body.toString()) as { readonly sha256: string };
  entry.truncated = got.sha256 !== createHash('sha256').update(sent).digest('hex');
}

/** Asks, and writes down what came of it; `null` where no whole answer of an application came. */
export async function ask(
  client: HttpClient,
  entry: ClientEntry,
  request: ClientRequest,
): Promise<ClientResponse | null> {
  const startedAt = performance.now();
  const [response] = await settle(
    [entry],
    startedAt,
    client.request(withId(entry, request)).then((one) => [one]),
  );
  return entry.version === null ? null : (response ?? null);
}

async function settle(
  entries: readonly ClientEntry[],
  startedAt: number,
  answers: Promise<ClientResponse[]>,
): Promise<ClientResponse[]> {
  for (const entry of entries) entry.startedAt = startedAt;
  try {
    const responses = await answers;
    responses.forEach((response, index) => note(entries[index], response));
    return responses;
  } catch (error) {
    if (!(error instanceof BrokenAnswer)) throw error;
    for (const entry of entries) entry.failure = error.message;
    return [];
  }
}

function note(entry: ClientEntry | undefined, response: ClientResponse): void {
  if (entry === undefined) return;
  entry.headAt = response.headAt;
  if (response.status === 200) entry.version = response.field('x-version');
  else entry.failure = `status ${response.status}`;
}

function withId(entry: ClientEntry, request: ClientRequest): ClientRequest {
  return { ...request, fields: [...(request.fields ?? []), ['X-Test-Id', entry.id]] };
}

/** On one connection; a new one only where the proxy closed the last. */
async function again(
  { port, stop }: Hammering,
  manner: ClientManner,
  turn: (client: HttpClient) => Promise<unknown>,
): Promise<void> {
  let client = await HttpClient.connect(port, manner);
  while (!stop.aborted) {
    if (client.closed !== null) client = await HttpClient.connect(port, manner);
    await turn(client);
  }
  client.close();
}

function breath(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
