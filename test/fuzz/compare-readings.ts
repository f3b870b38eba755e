/**
 * Holds the proxy's reading of some bytes against llhttp's. The proxy may accept nothing that llhttp refuses, nor read
 * anything differently. It may refuse more, but only what a row of `strictness.ts` names.
 */
import type { FuzzCase } from './fuzz-case.ts';
import { findBreach, findLatitude, findStrictness } from './strictness.ts';
import { type ReadMessage, valuesIn, type WireReading } from './wire-reading.ts';

/** One way in which the two readings differ. */
export interface Difference {
  /** What kind of difference: stays the same while an input is made smaller. */
  readonly kind: string;
  /** Both sides of it. */
  readonly detail: string;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** The row of `strictness.ts` that explains why the proxy read less, or otherwise; null: it read the same. */
  readonly explainedBy: string | null;
}

export function compareReadings(fuzzCase: FuzzCase, ours: WireReading, theirs: WireReading): Comparison {
  for (const [index, message] of ours.messages.entries()) {
    const counterpart = theirs.messages[index];
    if (counterpart === undefined) {
      return found([{ kind: 'accepts what llhttp refuses', detail: `message ${index}: ${describeEnd(theirs)}` }]);
    }
    const breach = findBreach(fuzzCase, counterpart);
    const differences = [
      ...(breach === null ? [] : [{ kind: `accepts what it should refuse: ${breach}`, detail: describeEnd(theirs) }]),
      ...headDifferences(message, counterpart),
      ...bodyDifferences(ours, message, counterpart, theirs),
    ];
    if (differences.length > 0) return found(differences);
    // What comes behind a 101 is not HTTP.
    if (message.status === 101) return SAME;
    if (message.keepAlive && !counterpart.keepAlive) return closedByLlhttp(fuzzCase, counterpart);
    if (message.state !== 'complete') break;
  }
  return compareEnds(fuzzCase, ours, theirs);
}

function found(differences: readonly Difference[]): Comparison {
  return { differences, explainedBy: null };
}

function explained(id: string): Comparison {
  return { differences: [], explainedBy: id };
}

const SAME: Comparison = { differences: [], explainedBy: null };

/** What comes behind this message cannot be compared: llhttp has read its last one. */
function closedByLlhttp(fuzzCase: FuzzCase, theirs: ReadMessage): Comparison {
  const row = findLatitude(fuzzCase, theirs);
  return row === null ? found([{ kind: 'keeps alive alone', detail: 'llhttp closes' }]) : explained(row);
}

function headDifferences(ours: ReadMessage, theirs: ReadMessage): Difference[] {
  const facts = [
    ['method', ours.method, theirs.method],
    ['target', ours.target, ours.authority === null ? theirs.target : originFormOf(theirs)],
    ['authority', ours.authority, ours.authority === null ? null : authorityOf(theirs)],
    ['status', ours.status, theirs.status],
    ['reason', ours.reason, theirs.reason],
    ['version', ours.version, theirs.version],
    ['fields', JSON.stringify(ours.fields), JSON.stringify(theirs.fields)],
  ] as const;
  const differences = facts
    .filter(([, own, other]) => own !== other)
    .map(([what, own, other]) => ({ kind: `${what} differs`, detail: `${own} where llhttp has ${other}` }));
  if (ours.upgrade && !theirs.upgrade) differences.push({ kind: 'upgrades alone', detail: 'llhttp sees no upgrade' });
  return differences;
}

/**
 * RFC 9112 sections 3.2.2 and 3.2.4: what is forwarded of an absolute-form is its origin-form; its authority stands for the Host
 * field. llhttp leaves that to its user.
 */
export function originFormOf({ method, target }: ReadMessage): string {
  const path = target.replace(ABSOLUTE, '');
  if (path === '' && method === 'OPTIONS') return '*';
  return path === '' || path.startsWith('?') ? `/${path}` : path;
}

function authorityOf(theirs: ReadMessage): string {
  return ABSOLUTE.exec(theirs.target)?.[1] ?? valuesIn(theirs.fields, 'host')[0] ?? '';
}

const ABSOLUTE = /^https?:\/\/([^/?]*)/i;

function bodyDifferences(
  reading: WireReading,
  ours: ReadMessage,
  theirs: ReadMessage,
  llhttp: WireReading,
): Difference[] {
  if (!theirs.body.startsWith(ours.body)) return [{ kind: 'body differs', detail: bodies(ours, theirs) }];
  if (ours.state === 'complete') return wholeDifferences(ours, theirs, llhttp);
  const waits = ours.state === 'begun' && reading.refused === null && theirs.state === 'complete';
  return waits ? [{ kind: 'waits for more of a body', detail: bodies(ours, theirs) }] : [];
}

function wholeDifferences(ours: ReadMessage, theirs: ReadMessage, llhttp: WireReading): Difference[] {
  if (theirs.state !== 'complete') return [{ kind: 'accepts a body that llhttp refuses', detail: describeEnd(llhttp) }];
  if (ours.body !== theirs.body) return [{ kind: 'body differs', detail: bodies(ours, theirs) }];
  if (JSON.stringify(ours.trailers) !== JSON.stringify(theirs.trailers)) {
    const detail = `${JSON.stringify(ours.trailers)} where llhttp has ${JSON.stringify(theirs.trailers)}`;
    return [{ kind: 'trailers differ', detail }];
  }
  if (ours.end !== null && ours.end !== theirs.end) {
    return [{ kind: 'ends elsewhere', detail: `at ${ours.end} where llhttp ends at ${theirs.end}` }];
  }
  return [];
}

/** Both have read the same messages so far: whether they stopped for the same reason. */
function compareEnds(fuzzCase: FuzzCase, ours: WireReading, theirs: WireReading): Comparison {
  const last = ours.messages.at(-1);
  const counterpart = theirs.messages[ours.messages.length - 1];
  const readsOn = theirs.messages.length > ours.messages.length;
  if (ours.refused !== null) {
    const agrees = theirs.refused !== null && !readsOn && last?.state === counterpart?.state;
    return agrees ? SAME : explainStrictness(fuzzCase, ours, theirs, `refuses alone: ${ours.refused.code}`);
  }
  if (last !== undefined && last.state === 'complete' && !last.keepAlive) {
    return counterpart?.keepAlive === true ? explainStrictness(fuzzCase, ours, theirs, 'closes alone') : SAME;
  }
  const waits = readsOn && last?.state !== 'abandoned';
  return waits ? found([{ kind: 'waits where llhttp reads on', detail: describeEnd(theirs) }]) : SAME;
}

function explainStrictness(fuzzCase: FuzzCase, ours: WireReading, theirs: WireReading, kind: string): Comparison {
  const row = findStrictness(fuzzCase, ours, theirs);
  return row === null ? found([{ kind, detail: describeEnd(theirs) }]) : explained(row);
}

function describeEnd({ messages, refused }: WireReading): string {
  const last = messages.at(-1);
  const state = last === undefined ? 'nothing' : `${messages.length} messages, the last ${last.state}`;
  return refused === null ? `llhttp has ${state}` : `llhttp has ${state}, then ${refused.code} (${refused.reason})`;
}

function bodies(ours: ReadMessage, theirs: ReadMessage): string {
  return `${JSON.stringify(ours.body.slice(0, 200))} where llhttp has ${JSON.stringify(theirs.body.slice(0, 200))}`;
}
