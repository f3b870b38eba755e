import { LATITUDE, STRICTNESS } from './strictness.ts';

const HEAD = `# Where Cutover is stricter than llhttp

llhttp is the parser of \`node:http\`, and read by far more eyes than ours: it is the oracle. \`npm run fuzz\` feeds the same
bytes to both, whole and in pieces. What llhttp refuses, Cutover may not accept; what both accept, Cutover may not read in another
way: method, target, fields in their order, the bytes of the body, where the next message begins, and whether there is one.

What Cutover refuses and llhttp takes is listed here, and nothing else: a refusal that no row explains is a finding. Each row is
a test in \`test/fuzz/strictness.ts\`; \`node test/fuzz/write-strictness.ts\` writes this page from there.
`;

/** docs/reference/strictness.md */
export function strictnessPage(): string {
  return [
    HEAD,
    section('Requests', 'Refused', rowsOf('request')),
    section('Responses of targets', 'Refused', rowsOf('response')),
    '## Read otherwise\n\nThe one direction in which Cutover goes further than llhttp.\n',
    table(
      'Taken',
      LATITUDE.map(({ id, takes, why }) => [id, takes, why]),
    ),
  ].join('\n');
}

function rowsOf(side: 'request' | 'response'): string[][] {
  return STRICTNESS.filter((row) => row.side === side).map(({ id, refuses, why }) => [id, refuses, why]);
}

function section(title: string, what: string, rows: readonly string[][]): string {
  return `## ${title}\n\n${table(what, rows)}`;
}

function table(what: string, rows: readonly string[][]): string {
  const lines = rows.map(([id, text, why]) => `| \`${id}\` | ${text} | ${why} |\n`);
  return `| row | ${what} | Why |\n|---|---|---|\n${lines.join('')}`;
}
