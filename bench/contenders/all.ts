import type { Contender } from '../contender.ts';
import { caddy } from './caddy.ts';
import { cutover } from './cutover.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import { nodeServer } from './node-server.ts';
import { relay } from './relay.ts';

/** In the order of tables. */
export const CONTENDERS: readonly Contender[] = [
  cutover,
  nginx,
  haproxy,
  caddy,
  relay,
  nodeServer('http-proxy', 'http-proxy-server.ts', ['http', 'https', 'websocket']),
  nodeServer('httpxy', 'httpxy-server.ts', ['http', 'https', 'websocket']),
  nodeServer('@fastify/http-proxy', 'fastify-http-proxy-server.ts', ['http', 'https', 'websocket']),
];
