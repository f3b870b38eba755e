import type { RawResult } from '../helpers/raw-client.ts';
import { WireReader, type WireMessage } from '../helpers/wire-reader.ts';
import type { Outcome, WireCase } from './wire-case.ts';

/** What the target had heard when the exchange was over. */
export interface TargetView {
  readonly received: Buffer;
  readonly bodies: string;
  readonly requests: number;
  readonly heads: number;
  readonly partial: number;
  readonly problems: readonly string[];
}

export interface Verdict {
  readonly outcome: Outcome;
  /** Of the first final answer. */
  readonly status: number | null;
  readonly closed: RawResult['closed'];
  /** Why it is not as it should be; empty: it is. */
  readonly violations: readonly string[];
}

interface ClientView {
  readonly text: string;
  readonly finals: readonly WireMessage[];
  /** The answer that was begun and not ended, if its connection was. */
  readonly broken: boolean;
  readonly firstStatus: number | null;
  readonly problem: string | null;
}

/** Sets what both ends saw against what the case allows. `nextAnswer`: what was wrong with a plain request after it. */
export function judge(wireCase: WireCase, result: RawResult, target: TargetView, nextAnswer: string | null): Verdict {
  const client = readClient(wireCase, result);
  const outcome = outcomeOf(wireCase, result, client, target);
  const violations = [
    ...(allowed(wireCase).has(outcome) ? [] : [`outcome ${outcome}`]),
    ...statusViolations(wireCase, outcome, client.firstStatus),
    ...targetViolations(wireCase, outcome, target),
    ...clientViolations(wireCase, outcome, client, result),
    ...(nextAnswer === null ? [] : [`the next request: ${nextAnswer}`]),
  ];
  return { outcome, status: client.firstStatus, closed: result.closed, violations };
}

/** One line that says what happened, for tests that fail and for comparing. */
export function describeVerdict(verdict: Verdict): string {
  const status = verdict.status === null ? '' : ` ${verdict.status}`;
  const closed = verdict.closed === null ? '' : ` ${verdict.closed}`;
  const violations = verdict.violations.length === 0 ? '' : `: ${verdict.violations.join('; ')}`;
  return `${verdict.outcome}${status}${closed}${violations}`;
}

function readClient(wireCase: WireCase, result: RawResult): ClientView {
  const methods = wireCase.methods ?? [/^\s*([A-Za-z-]+) /.exec(wireCase.request)?.[1] ?? 'GET'];
  const finals: WireMessage[] = [];
  let begun: number | null = null;
  const reader = new WireReader('response', {
    method: () => methods[finals.length] ?? 'GET',
    head: (message) => {
      if (statusOf(message) >= 200 || statusOf(message) === 101) begun ??= statusOf(message);
    },
    message: (message) => {
      if (statusOf(message) >= 200 || statusOf(message) === 101) finals.push(message);
    },
  });
  reader.push(result.received);
  if (result.closed === 'fin') reader.end();
  return {
    text: result.received.toString('latin1'),
    finals,
    broken: reader.partial,
    firstStatus: begun,
    problem: reader.problem,
  };
}

function statusOf(message: WireMessage): number {
  return Number(message.startLine.slice(9, 12));
}

function outcomeOf(wireCase: WireCase, result: RawResult, client: ClientView, target: TargetView): Outcome {
  const status = client.firstStatus;
  if (seenByTarget(wireCase, target) === 0)
    return outcomeWithoutTarget(status, target.partial > 0, result.closed !== null);
  if (status === null) return result.closed === null ? 'hang' : 'abort-client';
  if (status === 500 || (status >= 502 && status <= 504)) return 'bad-gateway';
  if (client.finals.length === 0) return result.closed === null ? 'hang' : 'abort-client';
  // The standard target says nothing but 200: any other answer is the proxy's.
  if (wireCase.upstream === undefined && status >= 400) return 'reject';
  return 'forward';
}

function outcomeWithoutTarget(status: number | null, partial: boolean, closed: boolean): Outcome {
  if (status === null) {
    // What the target lost after the client had given up was lost by the client.
    if (!closed) return 'hang';
    return partial ? 'abort-upstream' : 'close';
  }
  if (status < 400) return 'respond';
  if (status < 500 || status === 501 || status === 505) return 'reject';
  return partial ? 'abort-upstream' : 'bad-gateway';
}

/** Requests that reached the target whole, or far enough for it to answer. */
function seenByTarget(wireCase: WireCase, target: TargetView): number {
  return wireCase.upstream?.when === 'head' ? target.heads : target.requests;
}

function allowed(wireCase: WireCase): Set<Outcome> {
  const outcomes = new Set<Outcome>(wireCase.expect);
  // Breaking an answer off is the 502 of whoever has sent the head already.
  if (outcomes.has('bad-gateway')) outcomes.add('abort-client');
  return outcomes;
}

function statusViolations(wireCase: WireCase, outcome: Outcome, status: number | null): string[] {
  if (wireCase.status === undefined || (outcome !== 'reject' && outcome !== 'bad-gateway')) return [];
  return status === wireCase.status ? [] : [`status ${status} instead of ${wireCase.status}`];
}

function targetViolations(wireCase: WireCase, outcome: Outcome, target: TargetView): string[] {
  const violations = target.problems.map((problem) => `the target cannot read it: ${problem}`);
  const text = target.received.toString('latin1');
  const requests = seenByTarget(wireCase, target);
  const {
    upstreamRequests: exact,
    upstreamRequestsMax: most,
    upstreamMustSee: wanted,
    upstreamMustNotSee: unwanted,
  } = wireCase;
  if (exact !== undefined && (outcome === 'forward' || exact === 0) && requests !== exact) {
    violations.push(`${requests} requests at the target instead of ${exact}`);
  }
  if (most !== undefined && wireCase.parts === undefined && requests + target.partial > most) {
    violations.push(`${requests} requests and ${target.partial} partial ones at the target, at most ${most} allowed`);
  }
  if (unwanted !== undefined && found(unwanted, text)) violations.push(`the target saw ${String(unwanted)}`);
  if (wanted !== undefined && requests > 0 && !found(wanted, text))
    violations.push(`the target did not see ${String(wanted)}`);
  if (outcome === 'forward' && wireCase.upstreamBody !== undefined && target.bodies !== wireCase.upstreamBody) {
    violations.push(`the target got the body ${JSON.stringify(target.bodies.slice(0, 100))}`);
  }
  return violations;
}

function clientViolations(wireCase: WireCase, outcome: Outcome, client: ClientView, result: RawResult): string[] {
  const violations: string[] = [];
  const { clientMustSee: wanted, clientMustNotSee: unwanted } = wireCase;
  if (client.problem !== null) violations.push(`the client cannot read it: ${client.problem}`);
  if (unwanted !== undefined && found(unwanted, client.text)) violations.push(`the client saw ${String(unwanted)}`);
  if (outcome !== 'forward' && outcome !== 'respond') return violations;
  if (wanted !== undefined && !found(wanted, client.text)) violations.push(`the client did not see ${String(wanted)}`);
  const body = client.finals.map((message) => message.body.toString('latin1')).join('');
  if (wireCase.clientBody !== undefined && body !== wireCase.clientBody) {
    violations.push(`the client got the body ${JSON.stringify(body.slice(0, 100))}`);
  }
  if (wireCase.closeRequired === true && result.closed === null) violations.push('the connection was not closed');
  if (client.broken) violations.push('an answer was begun and not ended');
  return violations;
}

function found(wanted: string | RegExp, text: string): boolean {
  return typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
}
