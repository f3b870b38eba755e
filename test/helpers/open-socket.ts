import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** How a client speaks TLS: whom it trusts, whom it asks for, and whatever else Node takes. */
export type TlsManner = Pick<
  ConnectionOptions,
  'ca' | 'servername' | 'ALPNProtocols' | 'session' | 'minVersion' | 'maxVersion' | 'rejectUnauthorized' | 'ciphers'
>;

/** A connection that stays open for what comes back when this side has ended; over TLS, once keys are agreed on. */
export function openSocket(to: TcpNetConnectOpts, tls?: TlsManner): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const carrier = connect({ host: '127.0.0.1', allowHalfOpen: true, noDelay: true, ...to });
    const options = { servername: 'localhost', allowHalfOpen: true, ...tls, socket: carrier };
    const socket = tls === undefined ? carrier : connectTls(options as ConnectionOptions);
    const gone = (): void => reject(new Error('the connection was closed in the handshake'));
    socket.once('error', reject);
    socket.once('close', gone);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.off('error', reject);
      socket.off('close', gone);
      resolve(socket);
    });
  });
}
