/** Bytes from each client to a connection of its own to the backend, and back: what less can a proxy in Node do? */
import { connect, createServer } from 'node:net';
import type { ServerTask } from './node-server.ts';

const { port, target } = JSON.parse(process.argv[2] ?? '') as ServerTask;
const [host = '', targetPort = ''] = target.split(':');
createServer({ noDelay: true }, (client) => {
  const backend = connect({ host, port: Number(targetPort), noDelay: true });
  client.on('error', () => backend.destroy());
  backend.on('error', () => client.destroy());
  client.pipe(backend).pipe(client);
}).listen(port, '127.0.0.1');
