import { type HttpProbeOptions, createHttpProbe } from './http-probe.ts';
import type { Probe } from './probe.ts';
import { createTcpProbe } from './tcp-probe.ts';

/** Checks in the way that each check asks for. */
export function createProbe(options: HttpProbeOptions): Probe {
  const http = createHttpProbe(options);
  const tcp = createTcpProbe(options.targetGuard);
  return (request, signal) => (request.check.type === 'tcp' ? tcp : http)(request, signal);
}
