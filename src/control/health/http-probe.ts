import { Client, type Dispatcher } from 'undici';
import { TargetGuard } from '../../base/target-guard.ts';
import type { Probe, ProbeRequest, ProbeResult } from './probe.ts';
import { probeFailureOf } from './probe-failure.ts';

/** A check that answers with more than this has answered: the rest is not read. */
const BODY_BYTES_MAX = 64 * 1024;
const HEAD_BYTES_MAX = 16 * 1024;

export interface HttpProbeOptions {
  readonly version: string;
  /** Where targets' names may lead; default: not to forbidden addresses. */
  readonly targetGuard?: TargetGuard;
}

/**
 * Checks by one request, each over a connection of its own: a kept one would go on working after the target's listener is
 * gone, and a check is there to find just that. Redirects are an answer like any other, never followed: they could
 * point anywhere, ourselves included.
 */
export function createHttpProbe({ version, targetGuard = new TargetGuard() }: HttpProbeOptions): Probe {
  const userAgent = `cutover-health/${version}`;
  return async (request, signal) => {
    const client = new Client(originOf(request), {
      maxHeaderSize: HEAD_BYTES_MAX,
      // `signal` ends a check that is under way; undici alone can end a connection that is not yet made.
      connect: { timeout: request.check.timeoutMs, lookup: targetGuard.lookup(request.port) },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    try {
      return await check(client, request, userAgent, signal);
    } catch (error) {
      return probeFailureOf(error);
    } finally {
      await client.destroy();
    }
  };
}

async function check(
  client: Client,
  { host, port, check: { method, path, host: hostHeader, headers, statuses, bodyContains } }: ProbeRequest,
  userAgent: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const response = await client.request({
    method,
    path,
    headers: {
      'user-agent': userAgent,
      accept: '*/*',
      ...Object.fromEntries(headers),
      host: hostHeader ?? authority(host, port),
    },
    reset: true,
    signal,
  });
  const body = await readBounded(response.body);
  const { statusCode } = response;
  if (!statuses.some(({ from, to }) => from <= statusCode && statusCode <= to)) return `status ${statusCode}`;
  return bodyContains === null || body.includes(bodyContains) ? null : 'wrong body';
}

/** What came, up to the limit: what stands behind that is not looked at. */
async function readBounded(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).subarray(0, BODY_BYTES_MAX);
}

function originOf({ host, port }: ProbeRequest): string {
  return `http://${authority(host, port)}`;
}

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
