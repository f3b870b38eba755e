/** The http-proxy package as its users run it when they care for speed: connections to the backend are kept. */
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import httpProxy from 'http-proxy';
import type { ServerTask } from './node-server.ts';

const { port, target, tls } = JSON.parse(process.argv[2] ?? '') as ServerTask;
const proxy = httpProxy.createProxyServer({
  target: `http://${target}`,
  agent: new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 256 }),
  xfwd: true,
  ws: true,
  ...(tls === null ? {} : { ssl: { cert: readFileSync(tls.cert, 'utf8'), key: readFileSync(tls.key, 'utf8') } }),
});
// Without this, one failed request ends the process.
proxy.on('error', (_error, _request, response) => void response.end());
proxy.listen(port, '127.0.0.1');
