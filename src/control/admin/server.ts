import { randomUUID } from 'node:crypto';
import { type Server, createServer } from 'node:http';

import swagger from '@fastify/swagger';
import { type FastifyInstance, type FastifyRequest, type RouteOptions, fastify } from 'fastify';
import type { TSchema } from 'typebox';

import type { Clock } from '../../base/clock.ts';
import { createAjv } from '../../schema/ajv.ts';
import type { Problem } from '../../schema/problem.ts';
import { schemaProblems } from '../../schema/schema-problems.ts';
import { strictObject } from '../../schema/strict-object.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Log } from '../log.ts';
import type { AdminContext, Routes } from './admin-context.ts';
import { ConnectionGate } from './connection-gate.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { PROBLEM_MEDIA_TYPE, problemDocument, refusalOf, sendProblem } from './problem-reply.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';
import { RequestError } from './request-error.ts';
import { type AllowedHosts, guardRequest } from './request-guard.ts';
import { auditRoutes } from './routes/audit.ts';
import { configRoutes } from './routes/config.ts';
import { cutoverRoutes } from './routes/cutovers.ts';
import { eventRoutes } from './routes/events.ts';
import { generationRoutes } from './routes/generations.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { mirrorRoutes } from './routes/mirror.ts';
import { openapiRoutes } from './routes/openapi.ts';
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

/** How often the timeouts are looked at. */
const TIMEOUT_CHECK_MS = 1_000;

/** How long a connection is kept without a request. */
export const KEEP_ALIVE_TIMEOUT_MS = 5_000;

/** Longest request head, and most fields in it. */
export const HEAD_BYTES_MAX = 16 * 1024;
const FIELDS_MAX = 100;

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
  /** Default `REQUEST_TIMEOUT_MS`. */
  readonly requestTimeoutMs?: number;
}

/** The admin API, listening nowhere yet: see `listenAdmin`. */
export interface AdminServer {
  readonly app: FastifyInstance;
  readonly http: Server;
  readonly gate: ConnectionGate;
  /** Who may call; nobody, until it listens. */
  readonly allowed: AllowedHosts;
}

/** The admin API as `ControlPlane` gives it, over HTTP. */
export async function createAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { control, metrics, workers, clock, log } = options;
  const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const http = createServer({
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    maxHeaderSize: HEAD_BYTES_MAX,
    requireHostHeader: true,
  });
  http.maxHeadersCount = FIELDS_MAX;
  // Connections are handed to this server, which does not listen itself; the event sets up what its timeouts stand on.
  http.emit('listening');
  const gate = new ConnectionGate(http);
  const allowed: AllowedHosts = { hosts: new Set() };
  const app = createApp(http);
  const context = { control, metrics, workers, clock, log, keys: new IdempotencyKeys(control.store, clock, log) };

  refuseAsProblems(app, log);
  guardEveryRequest(app, allowed, gate);
  readBodies(app);
  validateStrictly(app);
  await describe(app, options.version);
  await app.register(async (scope) => addRoutes(scope, context));
  await app.ready();
  return { app, http, gate, allowed };
}

const ALL_ROUTES: readonly Routes[] = [
  serviceRoutes,
  poolRoutes,
  targetRoutes,
  splitRoutes,
  cutoverRoutes,
  rollbackRoutes,
  mirrorRoutes,
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

function createApp(http: Server): FastifyInstance {
  return fastify({
    serverFactory(handler) {
      http.on('request', handler);
      return http;
    },
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PATH_PART_CHARS_MAX },
    frameworkErrors: (error, request, reply) => void sendProblem(request, reply, refusalOf(error)),
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
      socket.end(rawProblem(clientErrorCode(error.code)));
    },
  });
}

function refuseAsProblems(app: FastifyInstance, log: Log): void {
  app.setErrorHandler(async (error, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.code === 'internal') log.error({ err: error, requestId: request.id }, 'a call of the admin API failed');
    await sendProblem(request, reply, refusal);
  });
  app.setNotFoundHandler(async (request, reply) => {
    await sendProblem(request, reply, new RequestError('no-such-path', 'The API has no such path; see /openapi.json.'));
  });
}

function guardEveryRequest(app: FastifyInstance, allowed: AllowedHosts, gate: ConnectionGate): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      'X-Request-Id': request.id,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    });
    if (gate.isCrowded) void reply.header('Connection', 'close');
    guardRequest(request, allowed);
    requireMethod(request);
    requireMediaType(request);
  });
}

function requireMethod(request: FastifyRequest): void {
  const { allow } = request.routeOptions.config;
  if (allow === undefined) return;
  throw new RequestError('method-not-allowed', `This resource knows ${allow}.`, [], { Allow: allow });
}

const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * A request that changes something says that its body is JSON: an HTML form cannot. Where the body may be left out, nothing
 * need be said about it.
 */
function requireMediaType(request: FastifyRequest): void {
  const { headers, method, routeOptions } = request;
  const { accepts = ['application/json'], isBodyOptional = false } = routeOptions.config;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  const mediaType = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (method === 'GET' || method === 'HEAD' || request.is404) return;
  if (mediaType === undefined && !hasBody && (isBodyOptional || !METHODS_WITH_BODY.has(method))) return;
  if (mediaType !== undefined && accepts.includes(mediaType)) return;
  throw new RequestError('unsupported-media-type', `Send Content-Type: ${accepts.join(' or ')}.`);
}

function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) => {
    const { isBodyOptional = false, isBodyText = false } = request.routeOptions.config;
    if (isBodyText) return bytes.toString('utf8');
    return bytes.length === 0 && isBodyOptional ? undefined : parseStrictJson(bytes);
  });
  app.addHook('preValidation', async (request) => {
    if (request.routeOptions.config.isBodyOptional === true) request.body ??= {};
  });
}

/** Everything that comes in is held against its schema, as it is: nothing is coerced, filled in or thrown away. */
function validateStrictly(app: FastifyInstance): void {
  const ajv = createAjv({ fillDefaults: false, allErrors: true });
  app.setValidatorCompiler<TSchema>(({ schema, httpPart, url }) => {
    // The configuration is checked with its lines; header fields are read where they matter.
    if (httpPart === 'headers' || (httpPart === 'body' && url === '/v1/config')) return () => true;
    const validate = ajv.compile(schema);
    return (value: unknown) => {
      if (validate(value)) return { value };
      const problems = schemaProblems(validate.errors);
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
    route.schema = { querystring: strictObject({}), ...route.schema };
  });
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

function addRoutes(app: FastifyInstance, context: AdminContext): void {
  const methodsByPath = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const methods = methodsByPath.get(url) ?? new Set<string>();
    for (const one of [method].flat()) methods.add(one);
    methodsByPath.set(url, methods);
  });
  for (const addRoutesOf of ALL_ROUTES) addRoutesOf(app, context);
  const known = [...methodsByPath].map(([url, methods]) => ({ url, methods: [...methods] }));
  for (const { url, methods } of known) refuseOtherMethods(app, url, methods);
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

function clientErrorCode(code: string | undefined): ProblemCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'head-too-large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request-timeout' : 'malformed-request';
}

/** A whole answer as bytes, for a request that never became one. */
function rawProblem(code: ProblemCode): string {
  const { status, title, remedy } = PROBLEMS[code];
  const requestId = randomUUID();
  const body = JSON.stringify(problemDocument(new RequestError(code, `${title}. ${remedy}`), requestId));
  return [
    `HTTP/1.1 ${status} Refused`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
