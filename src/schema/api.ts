/**
 * What the admin API takes and gives. Services, pools, targets, splits and mirrors are those of the configuration file
 * (config.ts); here is the rest. These schemas validate what comes in, describe it in /openapi.json, and give the types
 * that the control plane works with.
 */
import { Type } from 'typebox';
import type { Static, TProperties, TSchema } from 'typebox';

import { IdSchema } from './fields.ts';
import { PoolSchema } from './pool.ts';
import { ServiceSchema, SplitSchema } from './service.ts';
import { recordOf, strictObject } from './strict-object.ts';

/** Most items of one answer to a list. */
export const PAGE_ITEMS_MAX = 1_000;
export const PAGE_ITEMS_DEFAULT = 100;

const text = (description: string) => Type.String({ description });
const timestamp = (description: string) => Type.String({ description: `${description} RFC 3339, UTC.` });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const flag = (description: string) => Type.Boolean({ description });
const orNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null({ description: 'None.' })], { description });

const drainTimeoutField = Type.Optional(
  Type.String({
    format: 'duration',
    description:
      'How long requests under way on pools that lose all their share may go on before they are cut. ' +
      'A duration such as "30s"; default: they are never cut.',
  }),
);
const forceField = Type.Optional(
  flag('Send traffic to a pool that has no healthy target in state ready; such a change is refused otherwise.'),
);

export const CutoverRequestSchema = strictObject(
  {
    to: Type.String({ format: 'id', description: 'The pool that gets all traffic.' }),
    drainTimeout: drainTimeoutField,
    force: forceField,
  },
  { title: 'CutoverRequest', description: 'Moves all traffic of a service to one pool at once.' },
);

export const SplitRequestSchema = strictObject(
  { weights: SplitSchema, drainTimeout: drainTimeoutField, force: forceField },
  { title: 'SplitRequest', description: 'Sets the share of every pool of a service.' },
);

export const RollbackRequestSchema = strictObject(
  { drainTimeout: drainTimeoutField, force: forceField },
  { title: 'RollbackRequest', description: 'How to go back to the split before.' },
);

export const SplitViewSchema = strictObject(
  { weights: SplitSchema },
  { title: 'SplitView', description: 'The share of each pool; pools not named have none.' },
);

export const TargetPatchSchema = strictObject(
  {
    state: Type.Optional(
      Type.Enum(['ready', 'drain', 'maint'], {
        description: 'ready: takes traffic. drain: finishes what it has, keeps its sticky sessions. maint: no traffic.',
      }),
    ),
    weight: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description: "Share of the pool's requests relative to the other targets; 0: takes no part in balancing.",
      }),
    ),
  },
  { title: 'TargetPatch', description: 'What to change of a target.', minProperties: 1 },
);

const targetFields = {
  id: text('"host:port": what the target is called here and in metrics.'),
  url: text('Address of the application server.'),
  weight: Type.Integer({ description: "Share of the pool's requests relative to the other targets." }),
  zone: text('Where the target runs; "" where nothing was said.'),
  backup: flag('Whether it only serves while no other target of its pool may.'),
  state: Type.Enum(['ready', 'drain', 'maint'], { description: 'What the operator allows it; health is separate.' }),
  health: strictObject(
    {
      up: flag('Whether it may get traffic: the verdict of its checks, or true where it has none.'),
      checked: flag('Whether its service has active checks.'),
      failure: orNull(text('Reason of the last failed check.'), 'What the last check found wrong.'),
      since: orNull(timestamp('Time.'), 'Since when it is up or down.'),
    },
    { title: 'TargetHealth', description: 'What the health checks say.' },
  ),
};

export const TargetViewSchema = strictObject(targetFields, {
  title: 'TargetView',
  description: 'One target with its defaults filled in and its health.',
});

/** The name stands in the path as well; a document that carries it can be sent back as it was read. */
const named = <P extends TProperties>(properties: P, title: string, description: string) =>
  strictObject(
    {
      name: Type.Optional(
        Type.String({ format: 'id', description: 'The name, as in the path; may be left out when writing.' }),
      ),
      ...properties,
    },
    { title, description },
  );

export const NamedServiceSchema = named(
  ServiceSchema.properties,
  'NamedService',
  'A service as its operator wrote it: fields that were left out have their defaults.',
);
export const NamedPoolSchema = named(PoolSchema.properties, 'NamedPool', 'A pool as its operator wrote it.');

export const ServicePatchSchema = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  title: 'ServicePatch',
  description: 'A merge patch (RFC 7396) of a service: fields that are null are removed, arrays are replaced whole.',
});

export const DrainSchema = strictObject(
  {
    state: Type.Enum(['draining', 'drained', 'cut'], {
      description:
        'draining: requests of before are under way. drained: none is left. cut: the timeout ended some of them.',
    }),
    inFlightAtFlip: count('Requests under way on the pools left behind when the new routing took over.'),
    completed: count('Of those, ended by themselves since.'),
    cut: count('Of those, ended by the drain timeout.'),
    remaining: count('Of those, still under way.'),
    longLived: count('Of the remaining ones, tunnels such as WebSockets.'),
  },
  {
    title: 'Drain',
    description:
      'What became of the requests under way on pools that lost all their share. Later requests of sessions that "sticky.onCutover: keep" leaves there are not counted.',
  },
);

const receiptSplit = (description: string) =>
  recordOf(IdSchema, Type.Number({ minimum: 0, maximum: 100, description: 'Share, in percent.' }), { description });

export const ReceiptSchema = strictObject(
  {
    id: text('Name of the receipt.'),
    kind: Type.Enum(['cutover', 'split', 'rollback'], { description: 'What was asked for.' }),
    service: IdSchema,
    from: receiptSplit('The split before; empty: the service came with the same change.'),
    to: receiptSplit('The split that was set; empty: the service went with the same change.'),
    generation: strictObject(
      { before: count('The generation that served until then.'), after: count('The generation that serves since.') },
      { title: 'GenerationStep', description: 'Between which generations the change stands.' },
    ),
    requestedAt: timestamp('When the request arrived.'),
    appliedAt: orNull(timestamp('Time.'), 'When every worker had applied it; null: that was not seen to happen.'),
    barrierMs: orNull(
      Type.Number({ minimum: 0, description: 'Milliseconds.' }),
      'How long the workers took to apply it, in milliseconds.',
    ),
    workers: strictObject(
      {
        total: count('Workers that serve.'),
        applied: count('Of those, that have applied the change.'),
        fenced: count('Of those, that did not in time and were stopped from accepting.'),
      },
      { title: 'WorkerCount', description: 'Who has applied the change.' },
    ),
    drainTimeout: orNull(text('Duration.'), 'After how long the rest of the drain is cut; null: never.'),
    drain: DrainSchema,
    warmUp: Type.Optional(
      strictObject(
        {
          targets: count('Targets that were made warm.'),
          requests: count('Requests that they were sent, by all workers together; all have passed.'),
          tookMs: count('Milliseconds.'),
        },
        { title: 'WarmUpAccount', description: 'What was made warm before; left out where nothing had to be.' },
      ),
    ),
  },
  { title: 'Receipt', description: 'What a change of traffic answers with, and proves.' },
);

export const ActorSchema = strictObject(
  {
    kind: Type.Enum(['api', 'file'], { description: 'api: a call of the admin API. file: the configuration file.' }),
    name: text('Who: the name of a token or of a certificate, "anonymous" where nobody has said.'),
    credential: Type.Optional(
      Type.Enum(['token', 'certificate'], { description: 'By what the caller is known; left out where by nothing.' }),
    ),
    address: text('Where from: an address, a socket, or the path of the file.'),
  },
  { title: 'Actor', description: 'Who asked for a change.' },
);

export const GenerationSchema = strictObject(
  {
    number: count('The generation that the change made.'),
    at: timestamp('When it was committed.'),
    actor: ActorSchema,
    kind: text('What was done, such as "cutover" or "service.put".'),
    summary: text('The change in one line.'),
    services: Type.Array(IdSchema, { description: 'Services that the change touched.' }),
  },
  { title: 'Generation', description: 'One change of the routing.' },
);

const document = (description: string) =>
  orNull(Type.Unsafe<Record<string, unknown>>({ type: 'object', description: 'The service.' }), description);

export const GenerationDetailSchema = strictObject(
  {
    ...GenerationSchema.properties,
    changes: Type.Array(
      strictObject(
        {
          service: IdSchema,
          before: document('The service before; null: there was none.'),
          after: document('The service after; null: it was removed.'),
        },
        { title: 'ServiceChange', description: 'One service before and after.' },
      ),
      { description: 'Each touched service, before and after.' },
    ),
  },
  { title: 'GenerationDetail', description: 'One change of the routing with what it changed.' },
);

export const AuditEntrySchema = strictObject(
  {
    at: timestamp('When.'),
    actor: ActorSchema,
    requestId: text('The request, as its answer named it.'),
    kind: text('What was asked for, such as "cutover"; "request": a call that was refused before that was looked at.'),
    service: orNull(text('Name.'), 'The service it was asked of.'),
    result: Type.Enum(['applied', 'unchanged', 'refused', 'failed'], { description: 'What came of it.' }),
    problem: orNull(text('Code.'), 'Why it was refused or failed: the code of the problem.'),
    detail: text('The change, or why there was none, in one line.'),
    count: Type.Optional(count('How many calls the entry stands for; left out: one.')),
    generation: strictObject(
      { before: count('The generation before.'), after: count('The generation after.') },
      { title: 'AuditGenerations', description: 'Between which generations the call stands.' },
    ),
  },
  { title: 'AuditEntry', description: 'One call that would change something.' },
);

export const ConfigAnswerSchema = strictObject(
  {
    generation: count('The generation that serves now.'),
    changed: Type.Array(IdSchema, { description: 'Services that were added or changed.' }),
    removed: Type.Array(IdSchema, { description: 'Services that are gone.' }),
    kept: Type.Array(text('JSON pointer.'), {
      description:
        'Where a change made at run time stands and not the value of the file, as JSON pointers into the file.',
    }),
    dropped: Type.Array(text('JSON pointer.'), {
      description: 'Where a change made at run time was given up, because the file no longer has what it named.',
    }),
  },
  { title: 'ConfigAnswer', description: 'What applying a configuration file did.' },
);

export const ConfigViewSchema = strictObject(
  { services: recordOf(IdSchema, ServiceSchema, { description: 'Every service that is served, by name.' }) },
  {
    title: 'ConfigView',
    description: 'All services as they are in force: the file with what was changed at run time.',
  },
);

const poolStatus = strictObject(
  {
    name: IdSchema,
    version: text('What runs there; "" where nothing was said.'),
    percent: Type.Number({ minimum: 0, maximum: 100, description: 'Its share of the split, in percent.' }),
    inFlight: count('Requests under way.'),
    panicking: count('Workers that use all of its ready targets, because fewer than `panicPercent` are well.'),
    targets: Type.Array(
      strictObject(
        {
          ...targetFields,
          inFlight: count('Requests under way.'),
          idleConnections: count('Connections kept for reuse.'),
          ejectedIn: count('Workers that have it out of balancing for what became of its requests.'),
          weightPercent: Type.Integer({
            minimum: 0,
            maximum: 100,
            description: 'What of its weight it has: below 100 while it starts slowly.',
          }),
        },
        { title: 'TargetStatus', description: 'One target.' },
      ),
      { description: 'Its targets.' },
    ),
  },
  { title: 'PoolStatus', description: 'One pool.' },
);

export const WorkerListSchema = strictObject(
  {
    items: Type.Array(
      strictObject(
        {
          worker: text('Its number; two of the same number: one takes over from the other.'),
          pid: count('Its process id.'),
          generation: count('The generation that it serves.'),
        },
        { title: 'Worker', description: 'One process that serves requests.' },
      ),
      { description: 'The processes.' },
    ),
  },
  { title: 'WorkerList', description: 'The processes that serve requests.' },
);

export const WorkersRestartedSchema = strictObject(
  { restarted: count('How many workers were replaced.') },
  { title: 'WorkersRestarted', description: 'What a restart of the workers did.' },
);

export const StatusSchema = strictObject(
  {
    generation: count('The generation that serves.'),
    startedAt: timestamp('When this process started to serve.'),
    ready: flag('As /readyz.'),
    workers: ReceiptSchema.properties.workers,
    listeners: Type.Array(
      strictObject(
        {
          name: IdSchema,
          connections: strictObject(
            {
              idle: count('Waiting for a request.'),
              active: count('With a request under way.'),
              tunnel: count('Upgraded.'),
            },
            { title: 'ListenerConnections', description: 'Open client connections by what they are doing.' },
          ),
          acceptedTotal: count('Connections accepted since start.'),
        },
        { title: 'ListenerStatus', description: 'One listener.' },
      ),
      { description: 'The listeners.' },
    ),
    services: Type.Array(
      strictObject(
        {
          name: IdSchema,
          origin: Type.Enum(['file', 'api'], { description: 'Where the service comes from.' }),
          split: SplitSchema,
          mirror: orNull(IdSchema, 'The pool that gets copies.'),
          paused: Type.Boolean({ description: 'Whether new requests wait.' }),
          held: count('Requests that wait for a pause to end, on all workers. They are not in flight yet.'),
          pools: Type.Array(poolStatus, { description: 'Its pools.' }),
        },
        { title: 'ServiceStatus', description: 'One service.' },
      ),
      { description: 'The services.' },
    ),
  },
  { title: 'Status', description: 'What serves at this moment. Not part of any ETag.' },
);

export const ProblemSchema = strictObject(
  {
    type: text('Stable name of this kind of problem: "urn:cutover:problem:" and its code.'),
    title: text('The kind of problem in words.'),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'The HTTP status.' }),
    detail: text('This very problem, and what would be right.'),
    instance: text('The request: "urn:uuid:" and the X-Request-Id of the answer.'),
    errors: Type.Optional(
      Type.Array(
        strictObject(
          {
            pointer: text('JSON pointer (RFC 6901) into what was sent; "" is the whole of it.'),
            detail: text('What is wrong there, and what would be right.'),
            line: Type.Optional(count('Line of a configuration file, from 1.')),
            column: Type.Optional(count('Column of a configuration file, from 1.')),
          },
          { title: 'FieldProblem', description: 'One wrong field.' },
        ),
        { description: 'Every wrong field.' },
      ),
    ),
  },
  { title: 'Problem', description: 'Why a request was refused (RFC 9457).' },
);

export const itemsOf = <T extends TSchema>(items: T, description: string) =>
  strictObject({ items: Type.Array(items, { description }) }, { title: `${titleOf(items)}List`, description });

export const PageQuerySchema = strictObject(
  {
    limit: Type.Optional(
      Type.String({
        pattern: '^[1-9][0-9]{0,3}$',
        description: `Most items to answer with, at most ${PAGE_ITEMS_MAX}; default ${PAGE_ITEMS_DEFAULT}.`,
      }),
    ),
  },
  { title: 'PageQuery', description: 'How much of a list to answer with, newest first.' },
);

function titleOf(schema: TSchema): string {
  return 'title' in schema && typeof schema.title === 'string' ? schema.title : '';
}

export type CutoverRequest = Static<typeof CutoverRequestSchema>;
export type SplitRequest = Static<typeof SplitRequestSchema>;
export type RollbackRequest = Static<typeof RollbackRequestSchema>;
export type TargetPatch = Static<typeof TargetPatchSchema>;
export type TargetView = Static<typeof TargetViewSchema>;
export type NamedService = Static<typeof NamedServiceSchema>;
export type NamedPool = Static<typeof NamedPoolSchema>;
export type Drain = Static<typeof DrainSchema>;
export type Receipt = Static<typeof ReceiptSchema>;
export type Actor = Static<typeof ActorSchema>;
export type Generation = Static<typeof GenerationSchema>;
export type GenerationDetail = Static<typeof GenerationDetailSchema>;
export type AuditEntry = Static<typeof AuditEntrySchema>;
export type ConfigAnswer = Static<typeof ConfigAnswerSchema>;
export type Status = Static<typeof StatusSchema>;
export type ProblemDocument = Static<typeof ProblemSchema>;
