/**
 * Shows that llhttp, as the fuzzer drives it, reads what the server and the client of `node:http` read. They tell
 * less: no ends of messages, and nothing behind a message that is the last one of its connection.
 */
import type { FuzzCase } from './fuzz-case.ts';
import type { ReaderProcess } from './reader-process.ts';
import { type ReadMessage, valuesIn, type WireReading } from './wire-reading.ts';

export interface Deviation {
  readonly fuzzCase: FuzzCase;
  readonly detail: string;
}

export async function confirmSample(
  llhttp: ReaderProcess,
  nodeHttp: ReaderProcess,
  cases: readonly FuzzCase[],
): Promise<Deviation[]> {
  // The sockets of the one are closed after the last byte; so the other has to be told of an end.
  const ended = cases.map((fuzzCase) => (fuzzCase.kind === 'response' ? { ...fuzzCase, ends: true } : fuzzCase));
  const [driven, used] = await Promise.all([llhttp.read(ended), nodeHttp.read(ended)]);
  return ended.flatMap((fuzzCase, index) => {
    const detail = deviation(fuzzCase, driven[index] as WireReading, used[index] as WireReading);
    return detail === null ? [] : [{ fuzzCase, detail }];
  });
}

function deviation(fuzzCase: FuzzCase, driven: WireReading, used: WireReading): string | null {
  for (const [index, message] of driven.messages.entries()) {
    const counterpart = used.messages[index];
    if (counterpart === undefined) return `message ${index} is missing: ${JSON.stringify(used)}`;
    if (summary(message) !== summary(counterpart)) return `${summary(message)} was read as ${summary(counterpart)}`;
    if (!message.keepAlive || message.upgrade) return null;
  }
  return used.messages.length > driven.messages.length ? `${fuzzCase.kind}s that llhttp did not see` : null;
}

function summary(message: ReadMessage): string {
  const { method, target, status, reason, version, fields, body, trailers, state } = message;
  const isInterim = status >= 100 && status < 200;
  // Once an upgrade was asked for, `node:http` hides what is wrong with the rest of the request.
  const rest = isInterim || valuesIn(fields, 'upgrade').length > 0 ? [] : [body, trailers, state];
  return JSON.stringify([method, target, status, reason, version, fields, ...rest]);
}
