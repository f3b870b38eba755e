import { Client, type Dispatcher, errors } from 'undici';
import { REFUSED_ADDRESS_CODE, TargetGuard } from '../../base/target-guard.ts';
import type { Probe, ProbeFailure, ProbeRequest, ProbeResult } from './probe.ts';

/** A check that answers with more than this has answered: the rest is not read. */
const BODY_BYTES_MAX = 64 * 1024;
const HEAD_BYTES_MAX = 16 * 1024;

export interface HttpProbeOptions {
  readonly version: string;
  /** Where targets' names may lead; default: not to forbidden addresses. */
  readonly targetGuard?: TargetGuard;
}

/**
 * Checks by `GET`, each over a connection of its own: a kept one would go on working after the target's listener is
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
      return failureOf(error);
    } finally {
      await client.destroy();
    }
  };
}

async function check(
  client: Client,
  { host, port, check: { path, host: hostHeader, statuses } }: ProbeRequest,
  userAgent: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const response = await client.request({
    method: 'GET',
    path,
    headers: { host: hostHeader ?? authority(host, port), 'user-agent': userAgent, accept: '*/*' },
    reset: true,
    signal,
  });
  await readBounded(response.body);
  const { statusCode } = response;
  const passed = statuses.some(({ from, to }) => from <= statusCode && statusCode <= to);
  return passed ? null : `status ${statusCode}`;
}

async function readBounded(body: Dispatcher.ResponseData['body']): Promise<void> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) return;
  }
}

function originOf({ host, port }: ProbeRequest): string {
  return `http://${authority(host, port)}`;
}

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The only place where what went wrong on a check's socket becomes a reason. */
function failureOf(error: unknown): ProbeFailure {
  if (error instanceof errors.ConnectTimeoutError) return 'timeout';
  if (error instanceof Error && error.name === 'AbortError') return 'timeout';
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return 'refused';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'reset';
    case 'ETIMEDOUT':
      return 'timeout';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return 'unreachable';
    case REFUSED_ADDRESS_CODE:
      return 'address not allowed';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'name not resolved';
    // Ours, not the target's: still no proof that it works.
    case 'EMFILE':
    case 'ENFILE':
    case 'EADDRNOTAVAIL':
      return 'no free connection';
    default:
      return 'bad response';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
