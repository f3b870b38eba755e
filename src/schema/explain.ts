/** A request that is described, and what would become of it. */
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';

import { ChangeSetSchema } from './change-set.ts';
import { IdSchema } from './fields.ts';
import { strictObject } from './strict-object.ts';

/** Most fields, and cookies, of a described request. */
const FIELDS_MAX = 256;

/** Longest value of a field, and longest URL: listeners take no longer ones by default. */
const VALUE_CHARS_MAX = 16_384;

const text = (description: string) => Type.String({ description });
const flag = (description: string) => Type.Boolean({ description });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const percent = (description: string) => Type.Number({ minimum: 0, maximum: 100, description });
const orNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null({ description: 'None.' })], { description });
const why = text('Why, in words.');

/** What cannot stand in a line of a head. */
const fieldValue = Type.String({
  maxLength: VALUE_CHARS_MAX,
  format: 'field-value',
  description: 'Visible characters, spaces and tabs.',
});

const byName = (value: TSchema, description: string) =>
  Type.Unsafe<Record<string, string | string[]>>({
    type: 'object',
    propertyNames: { type: 'string', format: 'token', maxLength: 256 },
    additionalProperties: value,
    maxProperties: FIELDS_MAX,
    description,
  });

export const DescribedRequestSchema = strictObject(
  {
    method: Type.Optional(
      Type.String({ format: 'token', maxLength: 64, description: 'The method, in capitals; default: GET.' }),
    ),
    url: Type.String({
      maxLength: VALUE_CHARS_MAX,
      description:
        'What is asked for: "http://shop.example.com/cart?id=1". The path is taken as it is written. "tcp://LISTENER": a ' +
        'connection of that listener, of which only `clientIp` can be said besides; "tcp://LISTENER/NAME": of a TLS client that asks ' +
        'for this server.',
    }),
    headers: Type.Optional(
      byName(
        Type.Unsafe({
          type: ['string', 'array'],
          format: 'field-value',
          maxLength: VALUE_CHARS_MAX,
          items: fieldValue,
          maxItems: FIELDS_MAX,
          description: 'Its value, or the values of several lines.',
        }),
        'Header fields by name, besides Host.',
      ),
    ),
    cookies: Type.Optional(byName(fieldValue, 'Cookies by name.')),
    clientIp: Type.Optional(
      Type.String({
        maxLength: 45,
        description: 'Where the connection comes from; default: 127.0.0.1. A trusted proxy may name another client.',
      }),
    ),
    listener: Type.Optional({ ...IdSchema, description: 'The listener that it comes by; default: the first.' }),
  },
  { title: 'DescribedRequest', description: 'A request, as a client would send it.' },
);

export const ProposalSchema = strictObject(
  {
    changes: Type.Optional(ChangeSetSchema.properties.changes),
    config: Type.Optional(
      Type.Unsafe<unknown>({ description: 'A whole configuration, as POST /v1/config takes it, in JSON.' }),
    ),
    runtime: Type.Optional(
      Type.Enum(['keep', 'discard'], {
        description: 'With `config`: what becomes of changes made at run time, as there.',
      }),
    ),
  },
  { title: 'Proposal', description: 'What is to be seen as if it were in force: either changes, or a configuration.' },
);

export const ExplainRequestSchema = strictObject(
  { request: DescribedRequestSchema, proposed: Type.Optional(ProposalSchema) },
  { title: 'ExplainRequest', description: 'What is to be explained.' },
);

const refusal = strictObject(
  {
    code: text('As in docs/reference/failures.md.'),
    status: Type.Integer({ description: 'What the client is answered.' }),
    why,
  },
  { title: 'ExplainedRefusal', description: 'Why the request goes nowhere.' },
);

const explainedRule = strictObject(
  {
    rule: text('Its name.'),
    outcome: Type.Enum(['matches', 'fails', 'throws', 'not-asked'], {
      description:
        'throws: a condition does that is user code; not-asked: an earlier one matches, and the first counts.',
    }),
    why,
  },
  { title: 'ExplainedRule', description: 'One rule.' },
);

const user = strictObject(
  {
    key: text('The key of the affinity that tells who it is: "cookie:uid". What it tells is not repeated.'),
    isNew: flag('Whether the request has no id, and would be given one.'),
    why,
  },
  { title: 'ExplainedUser', description: 'Who the user is, for the split.' },
);

const session = strictObject(
  {
    cookie: text('The cookie that binds sessions.'),
    target: orNull(text('"pool host:port"'), 'What the cookie is bound to.'),
    why,
  },
  { title: 'ExplainedSession', description: 'What the cookie of a sticky session does.' },
);

const split = strictObject(
  {
    slot: orNull(count('Of 10,000.'), "The user's slot."),
    isDrawn: flag('Whether the slot is drawn anew for each request; this answer is then one of several.'),
    shares: Type.Unsafe<Record<string, number>>({
      type: 'object',
      additionalProperties: percent('Share, in percent.'),
      description: 'The share of each pool, in percent.',
    }),
    why,
  },
  {
    title: 'ExplainedSplit',
    description: 'How the split chooses; it is asked where neither a rule nor a session does.',
  },
);

const pool = strictObject(
  {
    name: IdSchema,
    version: text('What runs there.'),
    by: Type.Enum(['rule', 'session', 'split', 'only'], {
      description: 'What has chosen it; only: it has all the traffic.',
    }),
    why,
  },
  { title: 'ExplainedPool', description: 'The pool.' },
);

const answer = strictObject(
  {
    status: Type.Integer({ description: 'Its status.' }),
    location: orNull(text('URL.'), 'Where it leads to, if it is a redirect.'),
    why,
  },
  { title: 'ExplainedAnswer', description: 'An answer of the proxy itself.' },
);

const candidate = strictObject(
  {
    target: text('"host:port"'),
    state: Type.Enum(['ready', 'drain', 'maint'], { description: 'What the operator allows it.' }),
    up: flag('Whether its health checks let it have traffic.'),
    weight: count('Its weight.'),
    zone: text('Where it runs; "": nobody said.'),
    isBackup: flag('Whether it serves only where no other may.'),
    inFlight: count('Requests under way on the worker that was asked.'),
    isEligible: flag('Whether the algorithm may choose it.'),
    score: orNull(
      Type.Number({ description: 'Score.' }),
      'What the algorithm goes by; null: it does not look at the target, or is user code.',
    ),
    why,
  },
  { title: 'ExplainedTarget', description: 'One target of the pool.' },
);

const choice = strictObject(
  {
    target: text('"host:port"'),
    by: Type.Enum(['session', 'algorithm', 'room'], {
      description: 'What has chosen it; room: the one that the algorithm chose has as many requests as it may.',
    }),
    algorithm: text('The algorithm of the service; "file#export" where it is user code.'),
    meaning: text('What a score is; "" where the session or user code has chosen.'),
    why,
  },
  { title: 'ExplainedChoice', description: 'The target that the request goes to.' },
);

const wait = strictObject(
  {
    for: Type.Enum(['pause', 'room'], { description: 'The end of a pause of the service, or room at a target.' }),
    why,
  },
  { title: 'ExplainedWait', description: 'Why the request waits before it goes where it goes.' },
);

const mirror = strictObject(
  {
    pool: IdSchema,
    percent: percent('How many of the requests that can be copied are, in percent.'),
    outcome: Type.Enum(['copied', 'drawn', 'not-copied'], { description: 'drawn: it is left to chance.' }),
    why,
  },
  { title: 'ExplainedMirror', description: 'What becomes of a copy.' },
);

export const ExplanationSchema = strictObject(
  {
    generation: count('The generation that was looked at; of a proposal, the one that it would be.'),
    isProposed: flag('Whether it is not in force.'),
    worker: text('The worker that was asked: in-flight counts and turns are its own.'),
    request: orNull(
      strictObject(
        {
          method: text('The method; of a connection "".'),
          host: text('The host that is routed on.'),
          path: text('The path that is routed on.'),
          clientAddress: text('The client, as trusted proxies tell it.'),
          scheme: text('What the client speaks, as trusted proxies tell it; tcp: anything.'),
        },
        { title: 'ReadRequest', description: 'The request.' },
      ),
      'The request as the proxy reads it; null: it cannot be read.',
    ),
    service: orNull(
      strictObject(
        {
          name: IdSchema,
          filters: Type.Array(text('"file#export"'), {
            description: 'Filters of user code that may change or answer the request: they are not run to explain it.',
          }),
          why,
        },
        { title: 'ExplainedService', description: 'The service.' },
      ),
      'The service that the request belongs to.',
    ),
    rules: Type.Array(explainedRule, { description: 'The rules of the service, in order.' }),
    session: orNull(session, 'Where the service binds sessions.'),
    user: orNull(user, 'Where the service asks who the user is, and the request tells.'),
    split: orNull(split, 'Where the split is asked.'),
    pool: orNull(pool, 'The pool that the request goes to.'),
    answer: orNull(answer, 'Where a rule answers in the place of a target.'),
    targets: Type.Array(candidate, { description: 'The targets of that pool.' }),
    choice: orNull(choice, 'The target that it goes to.'),
    wait: orNull(wait, 'Where it has to wait.'),
    mirror: orNull(mirror, 'Where the service copies requests.'),
    refusal: orNull(refusal, 'Why it goes nowhere.'),
  },
  { title: 'Explanation', description: 'What would become of the request, and why at each point.' },
);

export type DescribedRequest = Static<typeof DescribedRequestSchema>;
export type Proposal = Static<typeof ProposalSchema>;
export type ExplainRequest = Static<typeof ExplainRequestSchema>;
export type Explanation = Static<typeof ExplanationSchema>;
