import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Breaks a connection, so that its peer cannot take the end for an ordinary one. Under TLS it is the connection below that
 * is broken: Node resets nothing else.
 */
export function resetSocket(socket: Socket): void {
  (socket instanceof TLSSocket ? carrierOf(socket) : socket).resetAndDestroy();
}

/** The connection that TLS is spoken on; itself where that is not known. Node keeps it in a field that it does not document. */
export function carrierOf(socket: TLSSocket): Socket {
  return (socket as TLSSocket & { readonly _parent?: Socket })._parent ?? socket;
}
