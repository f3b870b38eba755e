import { printable } from '../base/printable.ts';
import type { Explanation } from '../schema/explain.ts';

/** Longest line: what a request carries may be long, and is repeated where a rule wanted something else. */
const LINE_CHARS_MAX = 400;

/** Columns of the names at the left. */
const NAME_COLUMNS = 10;

/** An explanation for people: each point with its reason below it. */
export function explanationLines(explanation: Explanation): string[] {
  return [
    ...requestLines(explanation),
    '',
    ...serviceLines(explanation),
    ...explanation.rules.map(({ rule, outcome, why }) => point('rule', `${rule}: ${OUTCOMES[outcome]}, ${why}`)),
    ...sessionLines(explanation),
    ...userLines(explanation),
    ...poolLines(explanation),
    ...answerLines(explanation),
    ...targetLines(explanation),
    ...waitLines(explanation),
    ...mirrorLines(explanation),
    ...refusalLines(explanation),
  ].map((line) => printable(line, LINE_CHARS_MAX));
}

const OUTCOMES = { matches: 'matches', fails: 'does not match', throws: 'throws', 'not-asked': 'not asked' } as const;

function requestLines({ request, generation, isProposed }: Explanation): string[] {
  const by = isProposed ? `by what is proposed, as generation ${generation}` : `by generation ${generation}`;
  if (request === null) return [`a request that cannot be read, ${by}`];
  const { method, scheme, host, path, clientAddress } = request;
  if (scheme === 'tcp') return [`a connection from ${clientAddress}, ${by}`];
  return [`${method} ${scheme}://${host}${path} from ${clientAddress}, ${by}`];
}

function serviceLines({ service }: Explanation): string[] {
  if (service === null) return [];
  const { name, filters, why } = service;
  const unrun = filters.map((filter) => reason(`${filter} may change or answer it: filters are not run to explain it`));
  return [...pointWithReason('service', name, why), ...unrun];
}

function sessionLines({ session }: Explanation): string[] {
  if (session === null) return [];
  const bound = session.target === null ? '' : `, bound to ${session.target}`;
  return pointWithReason('session', `cookie ${session.cookie}${bound}`, session.why);
}

function userLines({ user, split }: Explanation): string[] {
  const users = user === null ? [] : pointWithReason('user', user.isNew ? 'new' : user.key, user.why);
  if (split === null) return users;
  const shares = Object.entries(split.shares).map(([pool, percent]) => `${pool} ${percent} %`);
  const slot = split.slot === null ? 'a slot that is drawn' : `slot ${split.slot}`;
  return [...users, ...pointWithReason('split', `${slot}, of ${shares.join(', ')}`, split.why)];
}

function poolLines({ pool }: Explanation): string[] {
  if (pool === null) return [];
  const { name, version, why } = pool;
  return pointWithReason('pool', version === '' ? name : `${name} (${version})`, why);
}

function answerLines({ answer }: Explanation): string[] {
  if (answer === null) return [];
  const { status, location, why } = answer;
  return pointWithReason('answer', location === null ? String(status) : `${status} to ${location}`, why);
}

function targetLines({ targets, choice }: Explanation): string[] {
  if (choice === null && targets.length === 0) return [];
  const meaning = choice === null || choice.meaning === '' ? [] : [reason(`score: ${choice.meaning}`)];
  return [
    ...pointWithReason('target', choice?.target ?? 'none', choice?.why ?? 'none may be chosen'),
    ...meaning,
    ...targets.map((one) => reason(`${one.target === choice?.target ? '*' : ' '} ${candidateWords(one)}`)),
  ];
}

function candidateWords({ target, weight, zone, inFlight, score, why }: Explanation['targets'][number]): string {
  const where = zone === '' ? '' : `, in ${zone}`;
  const scored = score === null ? '' : `, score ${Math.round(score * 1_000) / 1_000}`;
  return `${target}: ${why}; weight ${weight}, ${inFlight} in flight${where}${scored}`;
}

function waitLines({ wait }: Explanation): string[] {
  return wait === null ? [] : pointWithReason('wait', `for ${wait.for}`, wait.why);
}

function mirrorLines({ mirror }: Explanation): string[] {
  return mirror === null ? [] : pointWithReason('mirror', `${mirror.pool}: ${mirror.outcome}`, mirror.why);
}

function refusalLines({ refusal }: Explanation): string[] {
  return refusal === null ? [] : pointWithReason('refused', `${refusal.status} ${refusal.code}`, refusal.why);
}

function pointWithReason(name: string, what: string, why: string): string[] {
  return [point(name, what), reason(why)];
}

function point(name: string, what: string): string {
  return `  ${name.padEnd(NAME_COLUMNS)}${what}`;
}

function reason(why: string): string {
  return `  ${' '.repeat(NAME_COLUMNS)}  ${why}`;
}
