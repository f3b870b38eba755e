import { durationMsOrNull } from '../base/duration.ts';
import { loadConfig } from '../control/config/load.ts';
import type { Log } from '../control/log.ts';
import { ControlSocket } from '../control/workers/control-socket.ts';
import { askToHandOver, type Predecessor } from '../control/workers/predecessor.ts';
import { type Primary, startPrimary } from '../primary.ts';
import type { ConfigDocument } from '../schema/config.ts';
import type { UserModule } from '../snapshot/data-plane.ts';
import { withDefaults } from '../schema/with-defaults.ts';
import { problemLine } from './check.ts';

export interface RunOptions {
  readonly err: (line: string) => void;
  readonly log: Log;
  /** The program's own signals. */
  readonly signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  /** Whether to take over from a proxy that runs on the same state. */
  readonly isUpgrade: boolean;
}

/** Ended with requests under way that had to be cut. */
const EXIT_CUT = 3;
/** Ended at once by a second signal, as a shell reports it: 128 + SIGINT. */
const EXIT_NOW = 130;

/** How long a process that has to serve again, because who was to take over could not, tries to. */
const SERVE_AGAIN_MS = 10_000;
const SERVE_AGAIN_POLL_MS = 100;

/**
 * `cutover run` and `cutover upgrade`: serves in the foreground until SIGTERM or SIGINT, or until another process takes
 * over. Resolves with the exit code.
 */
export async function runCommand(path: string, options: RunOptions): Promise<number> {
  const file = await readConfig(path, options.err);
  if (file === null) return 1;
  // Heard from the start on: one that comes while the workers start must not leave them behind.
  const wishes = new SignalledWishes(options.signals);
  const run: Run = { path, file, wishes, err: options.err, log: options.log };
  try {
    const predecessor = options.isUpgrade ? await findPredecessor(file.config) : null;
    let end = await serve(run, await start(run), predecessor);
    // Who was to take over could not: the workers are still there, and so are we.
    while (end === 'serve-again') end = await serve(run, await startAgain(run), null);
    return end;
  } catch (error) {
    options.err(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    wishes.close();
  }
}

interface Run {
  readonly path: string;
  /** What is in force: the file as it was when it was last applied. */
  file: ConfigFile;
  readonly wishes: SignalledWishes;
  readonly err: (line: string) => void;
  readonly log: Log;
}

interface ConfigFile {
  readonly config: ConfigDocument;
  readonly modules: readonly UserModule[];
}

function start({ file, path, log }: Run): Promise<Primary> {
  return startPrimary(file.config, { log, source: path, modules: file.modules });
}

async function serve(run: Run, primary: Primary, predecessor: Predecessor | null): Promise<number | 'serve-again'> {
  const { wishes, log } = run;
  await predecessor?.release();
  wishes.onReload(() => {
    // First, and whatever becomes of the configuration: whoever rotates logs sends the same signal.
    primary.reopenAccessLog();
    void reloadFile(run, primary);
  });
  try {
    let end = await Promise.race([wishes.end, primary.superseded]);
    // Whoever takes over must not find the workers ended; if nobody does, they are there to be ended by us.
    if (end === 'end' && primary.isHandingOver) end = await primary.superseded;
    if (end === 'taken-over') return 0;
    if (end === 'abandoned') return 'serve-again';
    log.info({}, 'ending: requests under way are finished first');
    return await Promise.race([endGracefully(primary, run.file.config), endNow(primary, wishes)]);
  } finally {
    wishes.onReload(null);
  }
}

/** The one before may be dead for a moment and still hold what it had: the store, the addresses. */
async function startAgain(run: Run): Promise<Primary> {
  const deadlineAt = performance.now() + SERVE_AGAIN_MS;
  for (;;) {
    try {
      return await start(run);
    } catch (error) {
      if (performance.now() > deadlineAt) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, SERVE_AGAIN_POLL_MS));
  }
}

async function endNow(primary: Primary, wishes: SignalledWishes): Promise<number> {
  await wishes.endNow;
  await primary.kill();
  return EXIT_NOW;
}

async function findPredecessor(document: ConfigDocument): Promise<Predecessor> {
  const { state } = withDefaults(document);
  if (state.path === 'memory') {
    throw new Error('an upgrade needs a state that both processes can see: set state.path to a folder');
  }
  const { path } = await ControlSocket.at(state.path);
  try {
    return await askToHandOver(path);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new Error(`no proxy that could be upgraded answers at ${path} (${why}); start one with "cutover run"`, {
      cause,
    });
  }
}

/**
 * In this order: readiness fails and answers say `Connection: close`, so that whoever sends traffic here turns away
 * by itself; then nothing new is accepted and idle connections end; then what is under way finishes.
 */
async function endGracefully(primary: Primary, document: ConfigDocument): Promise<number> {
  const { shutdown } = withDefaults(document);
  primary.announceEnd();
  await new Promise((resolve) => setTimeout(resolve, durationMsOrNull(shutdown.announce) ?? 0));
  const { cut } = await primary.close({ drainMs: durationMsOrNull(shutdown.drainTimeout) ?? 0 });
  return cut === 0 ? 0 : EXIT_CUT;
}

async function reloadFile(run: Run, primary: Primary): Promise<void> {
  const { path, err, log } = run;
  const file = await readConfig(path, err);
  if (file === null) {
    log.error({ path }, 'the configuration was not applied: the one before stays in force');
    return;
  }
  try {
    await primary.reload(file.config, path, file.modules);
    run.file = file;
    log.info({ path }, 'the configuration was applied');
  } catch (error) {
    log.error({ path, err: error }, 'the configuration was not applied: the one before stays in force');
  }
}

async function readConfig(path: string, err: (line: string) => void): Promise<ConfigFile | null> {
  const loaded = await loadConfig(path);
  for (const problem of loaded.problems) err(problemLine(path, problem));
  return loaded.config === null ? null : loaded;
}

/**
 * What the operator wishes by signals. Every one is heard from beginning to end, for one that nobody listens to ends the
 * process as it stands, and leaves the workers behind.
 */
class SignalledWishes {
  readonly #signals: RunOptions['signals'];
  readonly #end = Promise.withResolvers<'end'>();
  readonly #endNow = Promise.withResolvers<void>();
  #count = 0;
  #reload: (() => void) | null = null;
  #isReloadDue = false;

  constructor(signals: RunOptions['signals']) {
    this.#signals = signals;
    signals.on('SIGTERM', this.#askToEnd);
    signals.on('SIGINT', this.#askToEnd);
    signals.on('SIGHUP', this.#askToReload);
  }

  get end(): Promise<'end'> {
    return this.#end.promise;
  }

  get endNow(): Promise<void> {
    return this.#endNow.promise;
  }

  /** `null`: not now, but later. */
  onReload(reload: (() => void) | null): void {
    this.#reload = reload;
    if (reload !== null && this.#isReloadDue) this.#askToReload();
  }

  close(): void {
    this.#signals.off('SIGTERM', this.#askToEnd);
    this.#signals.off('SIGINT', this.#askToEnd);
    this.#signals.off('SIGHUP', this.#askToReload);
  }

  readonly #askToEnd = (): void => {
    this.#count += 1;
    this.#end.resolve('end');
    if (this.#count > 1) this.#endNow.resolve();
  };

  readonly #askToReload = (): void => {
    this.#isReloadDue = this.#reload === null;
    this.#reload?.();
  };
}
