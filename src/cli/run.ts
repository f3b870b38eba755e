import { durationMsOrNull } from '../base/duration.ts';
import { loadConfig } from '../control/config/load.ts';
import type { Log } from '../control/log.ts';
import { ControlSocket } from '../control/workers/control-socket.ts';
import { askToHandOver, type Predecessor } from '../control/workers/predecessor.ts';
import { type Primary, startPrimary } from '../primary.ts';
import type { ConfigDocument } from '../schema/config.ts';
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

/**
 * `cutover run` and `cutover upgrade`: serves in the foreground until SIGTERM or SIGINT, or until another process takes
 * over. Resolves with the exit code.
 */
export async function runCommand(path: string, options: RunOptions): Promise<number> {
  const config = await readConfig(path, options.err);
  if (config === null) return 1;
  try {
    const predecessor = options.isUpgrade ? await findPredecessor(config) : null;
    let end = await serve(path, config, predecessor, options);
    // Who was to take over could not: the workers are still there, and so are we.
    while (end === 'serve-again') end = await serve(path, config, null, options);
    return end;
  } catch (error) {
    options.err(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function serve(
  path: string,
  config: ConfigDocument,
  predecessor: Predecessor | null,
  { err, log, signals }: RunOptions,
): Promise<number | 'serve-again'> {
  // Heard from the start on: one that comes while the workers start must not leave them behind.
  const asked = signal(signals);
  const primary = await startPrimary(config, { log, source: path });
  await predecessor?.release();
  const reload = (): void => void reloadFile(path, primary, { err, log });
  signals.on('SIGHUP', reload);
  try {
    const end = await Promise.race([asked, primary.superseded]);
    if (end === 'taken-over') return 0;
    if (end === 'abandoned') return 'serve-again';
    log.info({}, 'ending: requests under way are finished first');
    return await Promise.race([endGracefully(primary, config), signal(signals).then(() => EXIT_NOW)]);
  } finally {
    signals.off('SIGHUP', reload);
  }
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
    throw new Error(`no proxy that could be upgraded answers at ${path}; start one with "cutover run"`, { cause });
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

async function reloadFile(
  path: string,
  primary: Primary,
  { err, log }: Pick<RunOptions, 'err' | 'log'>,
): Promise<void> {
  const config = await readConfig(path, err);
  if (config === null) {
    log.error({ path }, 'the configuration was not applied: the one before stays in force');
    return;
  }
  try {
    await primary.reload(config, path);
    log.info({ path }, 'the configuration was applied');
  } catch (error) {
    log.error({ path, err: error }, 'the configuration was not applied: the one before stays in force');
  }
}

async function readConfig(path: string, err: (line: string) => void): Promise<ConfigDocument | null> {
  const { config, problems } = await loadConfig(path);
  for (const problem of problems) err(problemLine(path, problem));
  return config;
}

function signal(signals: RunOptions['signals']): Promise<'signal'> {
  return new Promise((resolve) => {
    const settle = (): void => {
      signals.off('SIGTERM', settle);
      signals.off('SIGINT', settle);
      resolve('signal');
    };
    signals.on('SIGTERM', settle);
    signals.on('SIGINT', settle);
  });
}
