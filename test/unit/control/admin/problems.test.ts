import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { PROBLEMS, type ProblemCode, problemType } from '../../../../src/control/admin/problems.ts';

const page = readFileSync(new URL('../../../../docs/reference/problems.md', import.meta.url), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| `urn:'));

describe('docs/reference/problems.md', () => {
  it('has a row for each problem, with its status, meaning and remedy, and no other', () => {
    const expected = (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => {
      const { status, title, remedy } = PROBLEMS[code];
      return `| \`${problemType(code)}\` | ${status} | ${title} | ${remedy} |`;
    });
    expect(rows.toSorted()).toEqual(expected.toSorted());
  });
});

describe('the problems', () => {
  it('are told apart by their type, which is a URI of plain letters', () => {
    const types = (Object.keys(PROBLEMS) as ProblemCode[]).map(problemType);
    expect(new Set(types).size).toBe(types.length);
    for (const type of types) expect(type).toMatch(/^urn:cutover:problem:[a-z]+(-[a-z]+)*$/);
  });

  it('are errors of the client or of the server', () => {
    for (const { status } of Object.values(PROBLEMS)) expect(status).toBeGreaterThanOrEqual(400);
  });
});
