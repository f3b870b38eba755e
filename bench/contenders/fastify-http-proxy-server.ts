/** The plugin of fastify as its manual has it; it keeps connections to the backend by undici. */
import { readFileSync } from 'node:fs';
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import type { ServerTask } from './node-server.ts';

const { port, target, tls } = JSON.parse(process.argv[2] ?? '') as ServerTask;
const https = tls === null ? null : { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
const server = fastify({ https });
await server.register(httpProxy, { upstream: `http://${target}`, websocket: true });
await server.listen({ port, host: '127.0.0.1' });
