import type { ListenerDocument } from '../../schema/listener.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';

/** Limits that count connections, and not what is in them. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(['connections', 'connectionsPerClient', 'loopLag']);

/** A setting that a listener of this protocol never looks at would be one that seems to work. Paths count from the listener. */
export function checkListener(listener: ListenerDocument): Problem[] {
  const { protocol, timeouts = {}, limits = {} } = listener;
  if (protocol !== 'tcp') return [...checkTls(listener), ...checkProxyProtocol(listener)];
  const message = 'is about HTTP, and this listener passes bytes as they are (protocol: tcp)';
  return [
    ...checkTls(listener),
    ...(listener.http2 === undefined ? [] : [{ path: '/http2', message, atKey: true }]),
    ...Object.keys(timeouts).map((name) => ({
      path: pointerOf('timeouts', name),
      message: `${message}; use timeouts of its service`,
      atKey: true,
    })),
    ...Object.keys(limits)
      .filter((name) => !OF_CONNECTIONS.has(name))
      .map((name) => ({ path: pointerOf('limits', name), message, atKey: true })),
  ];
}

function checkTls({ protocol = 'http', tls }: ListenerDocument): Problem[] {
  if (protocol === 'https' && tls === undefined) {
    return [{ path: '', message: 'speaks https and needs tls: { certificates: [ { cert: FILE, key: FILE } ] }' }];
  }
  if (protocol === 'https' || tls === undefined) return [];
  return [{ path: '/tls', message: `is for protocol https, and this listener speaks ${protocol}`, atKey: true }];
}

function checkProxyProtocol({ proxyProtocol }: ListenerDocument): Problem[] {
  if (proxyProtocol !== true) return [];
  const message =
    'is for protocol tcp; trusted proxies that speak http tell of the client by X-Forwarded-For or Forwarded';
  return [{ path: '/proxyProtocol', message, atKey: true }];
}
