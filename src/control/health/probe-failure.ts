import { errors } from 'undici';

import { REFUSED_ADDRESS_CODE } from '../../base/target-guard.ts';
import type { ProbeFailure } from './probe.ts';

/** The only place where what went wrong on a check's socket becomes a reason. */
export function probeFailureOf(error: unknown): ProbeFailure {
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
