/** The http-proxy package as its users run it when they care for speed: connections to the backend are kept. */
import { Agent } from 'node:http';
import httpProxy from 'http-proxy';

const [port, backendPort] = process.argv.slice(2).map(Number);
const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${backendPort}`,
  agent: new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 256 }),
  xfwd: true,
});
// Without this, one failed request ends the process.
proxy.on('error', (_error, _request, response) => void response.end());
proxy.listen(port ?? 0, '127.0.0.1');
