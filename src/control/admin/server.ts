import { randomUUID } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';

import swagger from '@fastify/swagger';
import { type FastifyInstance, type FastifyRequest, type FastifySchema, type RouteOptions, fastify } from 'fastify';
import type { TSchema } from 'typebox';

import type { Clock } from '../../base/clock.ts';
import { problemFinder } from '../../schema/find-problems.ts';
import type { Problem } from '../../schema/problem.ts';
import { strictObject } from '../../schema/strict-object.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Log } from '../log.ts';
import { AccessControl } from './access-control.ts';
import { accessTo } from './access-table.ts';
import type { AdminContext, Routes } from './admin-context.ts';
import { AdminHttp } from './admin-http.ts';
import type { AdminSettings } from './admin-settings.ts';
import { Admission } from './admission.ts';
import { ConnectionGate } from './connection-gate.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { refusalOf } from './problem-reply.ts';
import { RefusalJournal } from './refusal-journal.ts';
import { refuse, refuseBytes } from './refuse.ts';
import { RequestError } from './request-error.ts';
import { AllowedHosts } from './request-guard.ts';
import { auditRoutes } from './routes/audit.ts';
import { changesetRoutes } from './routes/changesets.ts';
import { configRoutes } from './routes/config.ts';
import { cutoverRoutes } from './routes/cutovers.ts';
import { eventRoutes } from './routes/events.ts';
import { explainRoutes } from './routes/explain.ts';
import { generationRoutes } from './routes/generations.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { mirrorRoutes } from './routes/mirror.ts';
import { pauseRoutes } from './routes/pause.ts';
import { BODY_OPTIONAL_FIELD, ROLE_FIELD, openapiRoutes } from './routes/openapi.ts';
import { poolRoutes } from './routes/pools.ts';
import { probeRoutes } from './routes/probes.ts';
import { rollbackRoutes } from './routes/rollback.ts';
import { serviceRoutes } from './routes/services.ts';
import { splitRoutes } from './routes/split.ts';
import { statusRoutes } from './routes/status.ts';
import { targetRoutes } from './routes/targets.ts';
import { workerRoutes } from './routes/workers.ts';
import { parseStrictJson } from './strict-json.ts';

/** Longest body of a request, but for a configuration. */
export const BODY_BYTES_MAX = 256 * 1024;

/** How long head and body of a request may take to arrive. */
export const REQUEST_TIMEOUT_MS = 5_000;

/** Longest part of a path: a host name with its port. */
const PATH_PART_CHARS_MAX = 300;

export interface AdminServerOptions {
  readonly control: ControlPlane;
  readonly metrics: AdminContext['metrics'];
  readonly workers: AdminContext['workers'];
  readonly clock: Clock;
  readonly log: Log;
  /** Of the product, shown in /openapi.json. */
  readonly version: string;
  /** Who may do what; default: whoever reaches it, everything. */
  readonly access?: AccessControl;
  readonly settings?: Partial<ReplaceableSettings>;
  /** Default `REQUEST_TIMEOUT_MS`. */
  readonly requestTimeoutMs?: number;
}

/** What may be replaced while the server runs, but that TLS is spoken or not. */
type ReplaceableSettings = Pick<AdminSettings, 'tls' | 'hosts' | 'writesPerSecond'>;

const DEFAULT_SETTINGS: ReplaceableSettings = { tls: null, hosts: [], writesPerSecond: 1_000 };

/** The admin API, listening nowhere yet: see `listenAdmin`. */
export interface AdminServer {
  readonly app: FastifyInstance;
  readonly http: AdminHttp;
  readonly gate: ConnectionGate;
  readonly access: AccessControl;
  /** Who may call; nobody, until it listens. */
  readonly allowed: AllowedHosts;
  readonly refusals: RefusalJournal;
  /** Every route, but those that only refuse a method. */
  readonly routes: readonly Route[];
  /** Puts other settings in force for requests to come. */
  use(settings: ReplaceableSettings & Pick<AdminSettings, 'rules'>): void;
}

export interface Route {
  readonly method: string;
  readonly url: string;
}

/** The admin API as `ControlPlane` gives it, over HTTP. */
export async function createAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { control, metrics, workers, clock, log, access = new AccessControl(clock) } = options;
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const http = new AdminHttp(settings.tls, options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
  const gate = new ConnectionGate(http);
  const allowed = new AllowedHosts(http.isTls ? 'https' : 'http');
  const refusals = new RefusalJournal({ clock, log, keep: (entry) => keepEntry(control, log, entry) });
  const app = createApp(http, refusals, access);
  const keys = new IdempotencyKeys(control.store, clock, log);
  const context = { control, access, metrics, workers, clock, log, keys };

  refuseAsProblems(app, log, refusals);
  const admission = new Admission(app, { ...options, ...settings, access, allowed, http, gate });
  readBodies(app);
  validateStrictly(app);
  await describe(app, options.version);
  const routes: Route[] = [];
  await app.register(async (scope) => routes.push(...addRoutes(scope, context)));
  await app.ready();
  const nameHosts = ({ hosts, tls }: ReplaceableSettings): void => allowed.alsoNamed([...hosts, ...(tls?.hosts ?? [])]);
  nameHosts(settings);
  return {
    app,
    http,
    gate,
    access,
    allowed,
    refusals,
    routes,
    use(next) {
      access.use(next.rules);
      admission.limitWrites(next.writesPerSecond);
      nameHosts(next);
      if (next.tls !== null) http.use(next.tls);
    },
  };
}

async function keepEntry(control: ControlPlane, log: Log, entry: Parameters<ControlPlane['audit']>[0]): Promise<void> {
  try {
    await control.audit(entry);
  } catch (error) {
    log.error({ err: error, requestId: entry.requestId }, 'the store did not keep an audit entry');
  }
}

const ALL_ROUTES: readonly Routes[] = [
  serviceRoutes,
  poolRoutes,
  targetRoutes,
  splitRoutes,
  cutoverRoutes,
  rollbackRoutes,
  mirrorRoutes,
  pauseRoutes,
  changesetRoutes,
  explainRoutes,
  statusRoutes,
  workerRoutes,
  configRoutes,
  generationRoutes,
  eventRoutes,
  auditRoutes,
  metricsRoutes,
  probeRoutes,
  openapiRoutes,
];

function createApp({ server }: AdminHttp, refusals: RefusalJournal, access: AccessControl): FastifyInstance {
  return fastify({
    serverFactory(handler) {
      server.on('request', handler);
      return server as HttpServer;
    },
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PATH_PART_CHARS_MAX },
    frameworkErrors: (error, request, reply) => void refuse(request, reply, error, refusals),
    clientErrorHandler: (error, socket) => refuseBytes(error, socket, refusals, access),
  });
}

function refuseAsProblems(app: FastifyInstance, log: Log, refusals: RefusalJournal): void {
  app.setErrorHandler(async (error, request, reply) => {
    if (refusalOf(error).code === 'internal') {
      log.error({ err: error, requestId: request.id }, 'a call of the admin API failed');
    }
    await refuse(request, reply, error, refusals);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const refusal = new RequestError('no-such-path', 'The API has no such path; see /openapi.json.');
    await refuse(request, reply, refusal, refusals);
  });
}

function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) => {
    const { isBodyOptional = false, isBodyText = false } = request.routeOptions.config;
    if (isBodyText) return bytes.toString('utf8');
    return bytes.length === 0 && isBodyOptional ? undefined : parseStrictJson(bytes);
  });
  app.addHook('preParsing', async (request, reply) => {
    if (request.headers.expect !== undefined && request.raw.httpVersion === '1.1') reply.raw.writeContinue();
  });
  app.addHook('preValidation', async (request) => {
    if (request.routeOptions.config.isBodyOptional === true) request.body ??= {};
  });
}

/** Everything that comes in is held against its schema, as it is: nothing is coerced, filled in or thrown away. */
function validateStrictly(app: FastifyInstance): void {
  app.setValidatorCompiler<TSchema>(({ schema, httpPart, url }) => {
    // The configuration is checked with its lines; header fields are read where they matter.
    if (httpPart === 'headers' || (httpPart === 'body' && url === '/v1/config')) return () => true;
    const problemsOf = problemFinder(schema);
    return (value: unknown) => {
      const problems = problemsOf(value);
      if (problems.length === 0) return { value };
      if (httpPart === 'body') {
        return {
          error: new RequestError('invalid', 'The body is not what the resource takes; nothing was changed.', problems),
        };
      }
      return { error: new RequestError('invalid-parameter', parameterDetail(httpPart ?? '', problems)) };
    };
  });
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  // A misspelt parameter must not be an ignored one.
  app.addHook('onRoute', (route) => {
    route.schema = { querystring: strictObject({}), ...route.schema, ...describedAccess(route) };
  });
}

/** What /openapi.json says of a route that follows from elsewhere. */
function describedAccess({ method, url, config }: RouteOptions): FastifySchema {
  const access = accessTo([method].flat()[0] ?? '', url);
  return {
    ...(access === null || access === 'open' ? {} : { security: [{ token: [] }, {}], [ROLE_FIELD]: access.role }),
    ...(config?.isBodyOptional === true ? { [BODY_OPTIONAL_FIELD]: true } : {}),
  };
}

function parameterDetail(httpPart: string, problems: readonly Problem[]): string {
  const names = problems.map(({ path }) => `"${path.slice(1)}"`).join(', ');
  if (httpPart === 'querystring') return `The query has parameters that this path does not take, or not so: ${names}.`;
  return `The path is wrong: ${problems.map(({ path, message }) => `${path.slice(1)} ${message}`).join('; ')}.`;
}

async function describe(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Cutover admin API',
        version,
        description: 'Moves traffic between versions of services, and answers when it is moved.',
      },
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'Where the configuration names tokens or client certificates; otherwise nobody is asked.',
          },
        },
      },
      tags: [
        { name: 'services', description: 'Deployed applications.' },
        { name: 'pools', description: 'Versions of a service.' },
        { name: 'targets', description: 'Addresses of application servers.' },
        { name: 'traffic', description: 'Which pool gets which requests.' },
        { name: 'config', description: 'The configuration file.' },
        { name: 'status', description: 'What serves.' },
        { name: 'history', description: 'What was changed, by whom, and what happens.' },
      ],
    },
  });
}

function addRoutes(app: FastifyInstance, context: AdminContext): Route[] {
  const methodsByPath = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const methods = methodsByPath.get(url) ?? new Set<string>();
    for (const one of [method].flat()) methods.add(one);
    methodsByPath.set(url, methods);
  });
  for (const addRoutesOf of ALL_ROUTES) addRoutesOf(app, context);
  const known = [...methodsByPath].map(([url, methods]) => ({ url, methods: [...methods] }));
  for (const { url, methods } of known) refuseOtherMethods(app, url, methods);
  return known.flatMap(({ url, methods }) => methods.map((method) => ({ method, url })));
}

const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

function refuseOtherMethods(app: FastifyInstance, url: string, allowed: readonly string[]): void {
  app.route({
    method: ALL_METHODS.filter((method) => !allowed.includes(method)),
    url,
    config: { allow: allowed.toSorted().join(', ') },
    schema: { hide: true },
    handler: () => {},
  });
}
