import type { ListenerSpec } from '../../snapshot/types.ts';
import type { SocketSet } from '../../snapshot/worker-protocol.ts';

/** First descriptor that a service manager hands over (sd_listen_fds(3)). */
const FIRST_FD = 3;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Listening sockets that a service manager has opened for this process (socket activation): they outlive it, so that
 * a restart refuses no connection. `null`: there are none. Each stands for the listener of its name
 * (`FileDescriptorName=` in the socket unit), or where names are not given, for the listener at its place.
 * Throws where they do not fit the listeners that are configured.
 */
export function activatedSockets(
  listeners: readonly ListenerSpec[],
  env: Environment,
  pid: number,
): SocketSet[] | null {
  const count = Number(env['LISTEN_FDS'] ?? 0);
  if (!Number.isInteger(count) || count < 1 || env['LISTEN_PID'] !== String(pid)) return null;
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  const areNamed = listeners.some(({ name }) => names.includes(name));
  const sets = listeners.map((listener, place) => {
    const fds = Array.from({ length: count }, (_, i) => i).filter((i) =>
      areNamed ? names[i] === listener.name : i === place,
    );
    return { listener: listener.name, host: listener.host, port: listener.port, fds: fds.map((i) => FIRST_FD + i) };
  });
  const missing = sets.filter(({ fds }) => fds.length === 0).map(({ listener }) => listener);
  if (missing.length > 0) {
    throw new Error(
      `the service manager has opened ${count} socket(s) (${names.join(', ') || 'without names'}), ` +
        `but none for listener ${missing.join(', ')}: add a socket unit with FileDescriptorName=${missing[0]}`,
    );
  }
  return sets;
}
