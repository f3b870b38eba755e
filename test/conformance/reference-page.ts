import { CATALOGUE } from './catalogue.ts';
import type { Verdict } from './judge.ts';
import type { WireCase } from './wire-case.ts';

const HEAD = `# What happens on the wire

Cutover reads HTTP/1.1 strictly, on both sides. What RFC 9110 and RFC 9112 say must be refused is refused, and every message
that goes on is written anew from what was understood, never passed on as bytes. Where the standards leave a choice, this page
says what was chosen. It is made from the wire catalogue (\`test/conformance/\`) by playing it to the proxy, and a test holds it
to what the proxy does; \`node test/conformance/write-reference.ts\` writes it again.

In the tables, *refused* is an answer of the proxy itself, after which the client's connection is closed unless the next request
can be found without doubt. *Forwarded* means that the target got it in its one canonical form. Levels: **should** is what the
standard recommends, **policy** is ours.
`;

/** What the choices of a chapter have in common, and why they fell as they did. */
const CHAPTERS: ReadonlyMap<string, string> = new Map([
  [
    'request line',
    `Exactly one blank between method, target and version, and the version is 1.0 or 1.1. \`CONNECT\` and \`TRACE\` are not served, and
methods that no registry knows are a 501. A path that two readers on the
way could take for different ones (dot segments, encoded slashes, backslashes, dots or NUL) is a 400, unless the service sets
\`ambiguousPaths: true\`; nothing is decoded, merged or normalised before it is forwarded, so that what was matched is what the
application gets. The query is passed on byte for byte.`,
  ],
  [
    'host',
    `One valid Host, always; the host of an absolute target replaces it. For routing, hosts are compared in lower case, without
port and without a dot at the end; the application gets the host as the client wrote it.`,
  ],
  [
    'field syntax',
    `Lines end in CRLF, and in nothing else. No control characters in values, no folded lines. A name with an underscore that
reads like a field which is trusted or frames a message is dropped: many applications cannot tell the two apart.`,
  ],
  [
    'content-length',
    `One line of digits. Two lines, or a list, are refused even where they agree, and so is any sign, blank or fraction.`,
  ],
  [
    'transfer-encoding',
    `\`chunked\`, once and with nothing behind it, or no coding at all. Others are a 501 where they are only unknown, and a 400 where they leave the end of the body unknown.`,
  ],
  ['both framings', `A request with both lengths is refused; so is a coding in HTTP/1.0.`],
  [
    'chunks',
    `Chunks are taken apart and written anew. Extensions are read and dropped, within a limit. Trailers go on, but for those that
frame, route or authenticate.`,
  ],
  ['expect', `\`100-continue\` is asked of the target and answered by it. Every other expectation is a 417.`],
  [
    'upgrade',
    `Only protocols of the service's \`upgrades\` list (by default \`websocket\`) are asked of the target, and only a 101 to that very
protocol makes a tunnel. A request with a body makes none.`,
  ],
  [
    'forwarding',
    `What Connection names, and every hop-by-hop field, is removed before the proxy adds its own. \`X-Forwarded-*\`, \`Forwarded\` and
\`X-Real-IP\` of a peer that is not in \`trustedProxies\` are replaced or removed; a trusted peer's are continued.`,
  ],
  [
    'persistence',
    `Answers leave in the order of the requests, and after a request that was refused nothing more is read. A client that has
closed its sending side still gets its answers.`,
  ],
  [
    'limits',
    `Each limit is a field of the configuration; beyond it the answer is 414 for the line, 431 for the head, 413 for the body.`,
  ],
  [
    'responses of a target',
    `Targets are read as strictly as clients. What cannot be understood is a 502; once a head has been sent, the client's connection
is broken off, so that what is missing is seen to be missing. A connection on which a target says more than it was asked for is
not used again.`,
  ],
]);

/** The page docs/reference/wire.md, from what the proxy did with each case. */
export function referencePage(verdicts: ReadonlyMap<string, Verdict>): string {
  const chapters = [...CATALOGUE].map(([name, cases]) => chapter(name, cases, verdicts));
  return [HEAD, ...chapters].join('\n');
}

function chapter(name: string, cases: readonly WireCase[], verdicts: ReadonlyMap<string, Verdict>): string {
  const rows = cases
    .filter(({ level }) => level !== 'must')
    .map((wireCase) => row(wireCase, verdicts.get(wireCase.id)));
  const title = `## ${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const text = CHAPTERS.get(name) ?? '';
  if (rows.length === 0) return `${title}\n\n${text}\n`;
  return [
    title,
    '',
    text,
    '',
    '| case | level | about | written in | decision |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function row(wireCase: WireCase, verdict: Verdict | undefined): string {
  const cells = [
    `\`${wireCase.id}\``,
    wireCase.level,
    wireCase.why,
    wireCase.source,
    verdict === undefined ? '' : decisionOf(wireCase, verdict),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function decisionOf({ forwardedHow }: WireCase, { outcome, status }: Verdict): string {
  switch (outcome) {
    case 'forward':
      return forwardedHow === undefined ? 'forwarded' : `forwarded ${forwardedHow}`;
    case 'reject':
    case 'bad-gateway':
      return `refused: ${status}`;
    case 'respond':
      return `answered: ${status}`;
    case 'close':
      return 'closed';
    case 'abort-upstream':
      return 'broken off towards the target';
    case 'abort-client':
      return 'broken off towards the client';
    case 'hang':
      return 'waited for';
  }
}
