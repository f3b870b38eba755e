/** docs/reference/access.md, made from the table that the admin API asks. */
import { ACCESS_TABLE, type Access } from '../src/control/admin/access-table.ts';
import { ROLES, hasRole } from '../src/schema/roles.ts';

const INTRODUCTION = `# Who may call what

This page is made from the table that the admin API asks on every call (\`npm run docs\`); a test fails when it is stale, another
one when a route is missing from the table, and a third plays every role and scope on every route.

Where \`admin.tokens\`, \`admin.tokensFile\` and \`admin.clients\` are all left out, whoever reaches the address may do everything: it can only be a
loopback address or a socket file then. Otherwise every call, but to the two probes, shows a token
(\`Authorization: Bearer TOKEN\`) or comes over a connection with a client certificate; 401 for nobody who is known, 403
for somebody who may not. What is not in the table is allowed to nobody.

**Roles**, each with everything that those before it may do: \`read\` looks; \`deploy\` moves traffic; \`configure\` changes services,
pools and targets; \`admin\` does everything.

**Scopes** are names of services. A caller who has some may see and change those alone. "Touches" says what they are held against:

| touches | a caller with scopes |
|---|---|
| the service of the path | must have it among them |
| what its changes touch | may make those changes that are allowed as calls of their own; the set is refused otherwise |
| services | sees those that are among them |
| the proxy | may not call |
| nothing | may call |

A scope keeps people to their service; it does not protect services from each other. Whoever may configure a service may claim any host and
path for it that no other one claims, and name any target that is not forbidden to all.`;

const TOUCHES = {
  nothing: 'nothing',
  service: 'the service of the path',
  parts: 'what its changes touch',
  own: 'services',
  proxy: 'the proxy',
} as const;

/** The whole page. */
export function accessReference(): string {
  const rows = Object.entries(ACCESS_TABLE).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, access]) => row(method, route, access)),
  );
  const head = `| call | ${ROLES.join(' | ')} | touches |`;
  return `${[INTRODUCTION, [head, `|---|${ROLES.map(() => '---|').join('')}---|`, ...rows].join('\n')].join('\n\n')}\n`;
}

function row(method: string, route: string, access: Access): string {
  const call = `\`${method} ${route.replaceAll(/:([a-z]+)/g, '{$1}')}\``;
  if (access === 'open') return `| ${call} | ${ROLES.map(() => 'yes').join(' | ')} | nothing; open to everybody |`;
  const marks = ROLES.map((role) => (hasRole(role, access.role) ? 'yes' : ''));
  return `| ${[call, ...marks, TOUCHES[access.on]].join(' | ')} |`;
}
