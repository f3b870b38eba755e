import { onTestFinished } from 'vitest';

import { systemClock } from '../../src/base/clock.ts';
import type { Clock } from '../../src/base/clock.ts';
import { AccessControl } from '../../src/control/admin/access-control.ts';
import { readAdminSettings } from '../../src/control/admin/admin-settings.ts';
import { type AdminServer, type AdminServerOptions, createAdminServer } from '../../src/control/admin/server.ts';
import { type RunningAdmin, listenAdmin } from '../../src/control/admin/listen-admin.ts';
import type { Log } from '../../src/control/log.ts';
import type { AdminDocument } from '../../src/schema/admin.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { withDefaults } from '../../src/schema/with-defaults.ts';
import { type ControlWorld, SHOP, configOf, startControlWith } from './start-control.ts';

export interface AdminWorld extends ControlWorld<Clock> {
  readonly admin: RunningAdmin;
  readonly server: AdminServer;
  /** Calls the API; an object body is sent as JSON. */
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Answer>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON, where it is. */
  readonly json: any;
}

export interface AdminOptions extends Pick<AdminServerOptions, 'requestTimeoutMs'> {
  /** The section of the configuration, but for where to listen. */
  readonly admin?: Omit<AdminDocument, 'listen'>;
  readonly log?: Log;
  readonly workers?: AdminServerOptions['workers'];
  /** Time of the admin API alone. */
  readonly clock?: Clock;
}

/** The admin API on a real socket, over a data plane without any. */
export async function startAdmin(
  services: Record<string, ServiceDocument> = { shop: SHOP },
  address = '127.0.0.1:0',
  { admin: section = {}, workers = null, ...more }: AdminOptions = {},
): Promise<AdminWorld> {
  const world = await startControlWith(services, { clock: systemClock });
  const { control } = world;
  const { clock = world.clock } = more;
  const log: Log = more.log ?? {
    info: () => {},
    warn: () => {},
    error: (_fields: object, message: string) => world.errors.push(message),
  };
  const metrics = {
    text: async () => 'cutover_generation 1\n',
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  };
  const { admin: filled } = withDefaults({ ...configOf({}), admin: { ...section, listen: address } });
  const settings = await readAdminSettings(filled, clock.wallMs());
  const access = new AccessControl(clock, settings.rules);
  const options = { control, clock, log, metrics, workers, access, settings, version: '0.0.0' };
  const server = await createAdminServer({ ...options, ...more });
  const admin = await listenAdmin(server, address, settings);
  onTestFinished(() => admin.close());
  return { ...world, admin, server, call: (method, path, options) => call(admin.url + path, method, options) };
}

async function call(url: string, method: string, { body, headers = {} }: CallOptions = {}): Promise<Answer> {
  const isText = typeof body === 'string' || body === undefined;
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : null,
  };
}
