/**
 * Puts a whole proxy together: store, control plane, data plane, health checks, metrics and the admin API. It only
 * wires; what each part does is the part's own business.
 */
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { systemClock, type Clock } from './base/clock.ts';
import { parseDuration } from './base/duration.ts';
import { formatHostPort } from './base/host-port.ts';
import { systemRandom, type Random } from './base/random.ts';
import { TargetGuard } from './base/target-guard.ts';
import { VERSION } from './base/version.ts';
import { AccessControl } from './control/admin/access-control.ts';
import { type AdminSettings, readAdminSettings } from './control/admin/admin-settings.ts';
import { listenAdmin, type RunningAdmin } from './control/admin/listen-admin.ts';
import { type AdminServer, createAdminServer } from './control/admin/server.ts';
import { createControlPlane, type ControlPlane } from './control/control-plane.ts';
import { HealthMemory } from './control/health/health-memory.ts';
import { HealthChecker } from './control/health/health-checker.ts';
import { type Listening, ownEndpoints } from './control/config/own-addresses.ts';
import { createProbe } from './control/health/create-probe.ts';
import type { Log } from './control/log.ts';
import { storeFiles } from './control/store/store-files.ts';
import { MEMORY, openStore } from './control/store/open-store.ts';
import { activatedSockets } from './control/workers/activation.ts';
import { canBindForWorkers } from './control/workers/bind-sockets.ts';
import { ControlSocket } from './control/workers/control-socket.ts';
import { shareCompiledCode } from './control/workers/temporary-folder.ts';
import { type Succession, WorkerPool } from './control/workers/worker-pool.ts';
import { FunctionRegistry } from './modules/function-registry.ts';
import { LineFile, requireWritable, STDOUT } from './observe/line-file.ts';
import { createMetrics, type Metrics } from './observe/prometheus.ts';
import { ProxyDataPlane } from './proxy/data-plane.ts';
import { type Config, type ConfigDocument } from './schema/config.ts';
import { withDefaults } from './schema/with-defaults.ts';
import { compileListener } from './snapshot/compile.ts';
import type { PoolPanic, TargetEjection, UserModule } from './snapshot/data-plane.ts';
import type { ListenerSpec } from './snapshot/types.ts';
import type { AccessLogSpec } from './snapshot/worker-protocol.ts';

export interface PrimaryOptions {
  readonly log: Log;
  /** Where the configuration comes from, as the journal will say. */
  readonly source: string;
  /** User code that the configuration names. */
  readonly modules?: readonly UserModule[];
  /** Functions of user code that are at hand in this process. */
  readonly functions?: FunctionRegistry;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** Starts a proxy; `config` is valid. Rejects, with nothing left bound, where it cannot serve all that it says. */
export async function startPrimary(config: ConfigDocument, options: PrimaryOptions): Promise<Primary> {
  const primary = await Primary.create(config, options);
  try {
    await primary.start(config, options);
  } catch (error) {
    await primary.close({ drainMs: 0 });
    throw error;
  }
  return primary;
}

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataPlane: ProxyDataPlane | WorkerPool;
  readonly health: HealthChecker;
  readonly memory: HealthMemory;
  readonly control: ControlPlane;
  readonly metrics: Metrics;
  readonly access: AccessControl;
  readonly settings: AdminSettings;
  /** Settles when another primary has asked for everything, and it is known how that ended. */
  readonly succession: PromiseWithResolvers<Succession>;
}

/** A running proxy. */
export class Primary {
  readonly #parts: Parts;
  readonly #listeners = new Map<string, BoundAddress>();
  #server: AdminServer | null = null;
  #admin: RunningAdmin | null = null;
  #isHandingOver = false;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async create(document: ConfigDocument, options: PrimaryOptions): Promise<Primary> {
    const { log, clock = systemClock, random = systemRandom } = options;
    const config = withDefaults(document);
    // First: who may call, or on whose certificate, must be known before anything else is touched.
    const settings = await adminSettingsOf(config, clock, log);
    const access = new AccessControl(clock, settings.rules);
    const store = await openStore(config.state.path, { clock, log });
    const succession = Promise.withResolvers<Succession>();
    const accessLog = accessLogOf(config, options.source);
    const dataPlane = await createDataPlane(config, {
      accessLog,
      clock,
      random,
      log,
      functions: options.functions ?? new FunctionRegistry(),
      onEjection: (ejection) => control.targetEjected(ejection),
      onPanic: (panic) => control.panicChanged(panic),
      onHandOver: async (outcome) => {
        primary.#isHandingOver = true;
        await primary.#letGo();
        outcome.then(succession.resolve, succession.reject);
      },
    });
    const files = config.state.path === MEMORY ? null : storeFiles(config.state.path);
    const memory = new HealthMemory({ files, clock, log });
    const health = new HealthChecker({
      clock,
      random,
      probe: createProbe({ version: VERSION, targetGuard: new TargetGuard(ownEndpoints(config)) }),
      onChange: (changes) => {
        control.healthChanged(changes);
        memory.changed(() => health.statuses());
      },
    });
    const control: ControlPlane = createControlPlane({
      dataPlane,
      store,
      clock,
      random,
      health,
      log,
      wasDown: memory.wasDown,
    });
    const metrics = createMetrics({
      reports: async () => [await dataPlane.report()],
      control: () => ({
        ...control.gauges(),
        adminAuthFailures: access.failures(),
        logLinesDropped: log.linesDropped?.() ?? 0,
      }),
      version: VERSION,
    });
    const parts = { config, clock, log, dataPlane, health, memory, control, metrics, access, settings, succession };
    const primary = new Primary(parts);
    return primary;
  }

  /** Routing first, then the addresses: nobody is let in before there is somewhere to go. */
  async start(document: ConfigDocument, { source, modules = [] }: PrimaryOptions): Promise<void> {
    const { control, dataPlane, settings, log } = this.#parts;
    await control.start(document, source, modules);
    // Made before anybody is let in, so that it opens right behind the listeners.
    const workers = dataPlane instanceof WorkerPool ? dataPlane : null;
    this.#server = await createAdminServer({ ...this.#parts, workers, version: VERSION });
    await this.#listen();
    const { listen } = settings;
    this.#admin = await named('the admin API', listen, listenAdmin(this.#server, listen, settings));
    control.listensAt(this.#addresses());
    workers?.takeCharge();
    log.info({ url: this.#admin.url }, 'admin API ready');
  }

  /** Where this proxy listens in fact, as the configuration would say it. */
  #addresses(): Listening {
    const { config } = this.#parts;
    const listeners = [...this.#listeners].map(([name, { host, port }]) => {
      const protocol = config.listeners[name]?.protocol ?? 'http';
      return [name, { listen: formatHostPort(host, port), protocol }] as const;
    });
    const admin = this.#admin?.url.replace(/^https?:\/\//, '') ?? '';
    return { listeners: Object.fromEntries(listeners), admin: { listen: admin } };
  }

  async #listen(): Promise<void> {
    const { config, dataPlane, log } = this.#parts;
    if (dataPlane instanceof WorkerPool) {
      await dataPlane.start();
      for (const { listener, host, port } of dataPlane.addresses) this.#listeners.set(listener, { host, port });
    } else {
      const specs = listenersOf(config);
      const activated = activatedSockets(specs, process.env, process.pid);
      for (const spec of specs) {
        const fds = activated?.find(({ listener }) => listener === spec.name)?.fds ?? [];
        const address = formatHostPort(spec.host, spec.port);
        this.#listeners.set(spec.name, await named(`listener ${spec.name}`, address, dataPlane.listen(spec, fds)));
      }
    }
    for (const [name, { host, port }] of this.#listeners) {
      log.info({ listener: name, address: formatHostPort(host, port) }, 'accepting');
    }
  }

  /** The address that a listener was given. */
  listener(name: string): BoundAddress {
    const bound = this.#listeners.get(name);
    if (bound === undefined) {
      throw new RangeError(`there is no listener "${name}"; there are: ${[...this.#listeners.keys()].join(', ')}`);
    }
    return bound;
  }

  get admin(): { readonly url: string } {
    return { url: this.#admin?.url ?? '' };
  }

  /** Puts another configuration in force, all or nothing; what was changed at run time stays. */
  async reload(document: ConfigDocument, source: string, modules: readonly UserModule[] = []): Promise<void> {
    const { clock, control, log } = this.#parts;
    // Read before anything is changed: a key that is not that of its certificate leaves everything as it was.
    const settings = await adminSettingsOf(withDefaults(document), clock, log);
    await control.reload(document, source, modules);
    this.#server?.use(settings);
  }

  /** Writes the access log on to the file that has its name by now. */
  reopenAccessLog(): void {
    this.#parts.dataPlane.reopenAccessLog();
  }

  /** Readiness fails and every answer is the last of its connection, but everything is still served. */
  announceEnd(): void {
    this.#parts.control.announceEnd();
    this.#parts.dataPlane.announceClose();
  }

  /** Whether another primary is taking everything over: `superseded` tells how that ends. */
  get isHandingOver(): boolean {
    return this.#isHandingOver;
  }

  /** Settles when another primary has taken everything over, or was gone before it served. */
  get superseded(): Promise<Succession> {
    return this.#parts.succession.promise;
  }

  /** Gives up what only one primary may have: admin API, health checks, store. Workers serve on. */
  async #letGo(): Promise<void> {
    const { control, health, memory, metrics } = this.#parts;
    // Answers that are held for the end of a drain go out as they are, before the API is closed under them; the store
    // goes after the API, whose last calls still read it.
    await control.stop();
    await this.#admin?.close();
    await memory.close();
    await health.close();
    await control.close();
    metrics.close();
  }

  /**
   * Accepts no more, lets what is under way finish for `drainMs`, then cuts the rest.
   * Resolves with how many connections had to be cut.
   */
  async close({ drainMs = 0 }: { drainMs?: number } = {}): Promise<{ cut: number }> {
    const { control, dataPlane } = this.#parts;
    control.announceEnd();
    const ended = await dataPlane.close({ drainMs });
    await this.#letGo();
    return ended;
  }

  /** Ends all workers at once, whatever they have under way. For a process that ends right after. */
  async kill(): Promise<void> {
    const { dataPlane } = this.#parts;
    if (dataPlane instanceof WorkerPool) await dataPlane.kill();
  }
}

/** Workers, or with `workers: 0` a data plane in this very process. */
async function createDataPlane(
  config: Config,
  { clock, random, log, functions, accessLog, onEjection, onPanic, onHandOver }: DataPlaneNeeds,
): Promise<ProxyDataPlane | WorkerPool> {
  const { trustedProxies } = config;
  const zone = config.zone ?? process.env['CUTOVER_ZONE'] ?? '';
  const count = config.workers ?? (canBindForWorkers ? availableParallelism() : 0);
  if (count === 0) {
    const onError = (error: unknown): void => log.error({ err: error }, 'a request failed by a mistake of the proxy');
    const onUserCodeError = (error: Error, unreported: number): void =>
      log.error({ err: error, unreported }, 'user code failed');
    const targetGuard = new TargetGuard(ownEndpoints(config));
    return new ProxyDataPlane({
      trustedProxies,
      zone,
      targetGuard,
      clock,
      random,
      functions,
      accessLog: accessLog === null ? null : { sink: new LineFile(accessLog.path, clock), query: accessLog.query },
      onError,
      onUserCodeError,
      onEjection,
      onPanic,
    });
  }
  if (!canBindForWorkers) throw new Error('workers need Node 26 or newer; with "workers: 0" this version will do');
  await shareCompiledCode(process.env);
  return new WorkerPool({
    count,
    entry: WORKER_ENTRY,
    control: await ControlSocket.at(config.state.path),
    listeners: listenersOf(config),
    trustedProxies,
    zone,
    accessLog,
    own: ownEndpoints(config),
    activated: activatedSockets(listenersOf(config), process.env, process.pid),
    clock,
    log,
    handOverMsMax: parseDuration(config.shutdown.handOverTimeout),
    onEjection,
    onPanic,
    onHandOver,
  });
}

async function adminSettingsOf(config: Config, clock: Clock, log: Log): Promise<AdminSettings> {
  const settings = await readAdminSettings(config.admin, clock.wallMs());
  for (const warning of settings.tls?.warnings ?? []) log.warn({}, warning);
  return settings;
}

/** Throws an `Error` that says why where nothing can be written there. */
function accessLogOf({ accessLog }: Config, source: string): AccessLogSpec | null {
  if (accessLog === undefined) return null;
  const { path, query } = accessLog;
  const spec = { path: path === STDOUT ? path : resolve(dirname(source), path), query };
  try {
    requireWritable(spec.path);
  } catch (cause) {
    throw new Error(`accessLog.path: ${spec.path} cannot be written to: ${(cause as Error).message}`, { cause });
  }
  return spec;
}

function listenersOf(config: Config): ListenerSpec[] {
  return Object.entries(config.listeners).map(([name, listener]) => compileListener(name, listener));
}

interface DataPlaneNeeds {
  readonly accessLog: AccessLogSpec | null;
  readonly functions: FunctionRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onEjection: (ejection: TargetEjection) => void;
  readonly onPanic: (panic: PoolPanic) => void;
  readonly onHandOver: (outcome: Promise<Succession>) => Promise<void>;
}

/** Beside this file, and like it TypeScript in the checkout and JavaScript in the package. */
const WORKER_ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? 'worker.ts' : 'worker.js', import.meta.url),
);

/** Says which address could not be bound, and why. */
async function named<T>(what: string, address: string, binding: Promise<T>): Promise<T> {
  try {
    return await binding;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: 'another program listens there',
      EACCES: 'this user may not listen there',
      EADDRNOTAVAIL: 'this machine does not have that address',
    };
    throw new Error(`${what} cannot listen on ${address}: ${reasons[code ?? ''] ?? message}`, { cause: error });
  }
}
