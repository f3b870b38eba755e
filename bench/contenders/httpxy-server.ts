/** The httpxy package as its manual has it; it keeps connections to the backend unless told otherwise. */
import { readFileSync } from 'node:fs';
import { type RequestListener, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createProxyServer } from 'httpxy';
import type { ServerTask } from './node-server.ts';

const { port, target, tls } = JSON.parse(process.argv[2] ?? '') as ServerTask;
const proxy = createProxyServer({ target: `http://${target}`, xfwd: true });
const serve: RequestListener = (request, response) => void proxy.web(request, response).catch(() => response.destroy());
const server =
  tls === null
    ? createServer(serve)
    : createSecureServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, serve);
server.on('upgrade', (request, socket, head) => {
  proxy.ws(request, socket as import('node:net').Socket, {}, head).catch(() => socket.destroy());
});
server.listen(port, '127.0.0.1');
