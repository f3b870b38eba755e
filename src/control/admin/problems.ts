import type { ControlErrorCode } from '../control-error.ts';

/** Every way in which the admin API refuses; docs/reference/problems.md says the same, and a test holds it to that. */
export type ProblemCode =
  | ControlErrorCode
  | 'malformed-request'
  | 'malformed-body'
  | 'invalid-parameter'
  | 'malformed-header'
  | 'unauthorized'
  | 'forbidden'
  | 'foreign-origin'
  | 'no-such-path'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'body-too-large'
  | 'unsupported-media-type'
  | 'wrong-host'
  | 'head-too-large'
  | 'too-many-failures'
  | 'too-many-writes'
  | 'too-many-watchers'
  | 'no-workers'
  | 'internal';

export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** What whoever meets it can do. */
  readonly remedy: string;
}

export const PROBLEMS: Readonly<Record<ProblemCode, ProblemKind>> = {
  'malformed-request': {
    status: 400,
    title: 'The request is not well-formed HTTP',
    remedy: 'Mend the client.',
  },
  'malformed-body': {
    status: 400,
    title: 'The body cannot be read',
    remedy: 'Send one JSON document in UTF-8: no key twice, no "__proto__" or "constructor", at most 16 levels deep.',
  },
  'invalid-parameter': {
    status: 400,
    title: 'A path or query parameter is unknown or wrong',
    remedy: 'Leave out what /openapi.json does not name.',
  },
  'malformed-header': {
    status: 400,
    title: 'A header field cannot be read',
    remedy: 'Write entity tags as "..." in double quotes and keys as 1 to 255 visible ASCII characters.',
  },
  unauthorized: {
    status: 401,
    title: 'Nobody with a right to call was recognised',
    remedy: 'Send "Authorization: Bearer TOKEN" with a token that is valid now.',
  },
  forbidden: {
    status: 403,
    title: 'The caller may not do this',
    remedy: 'Take a token with the role, and for the service, that the detail names.',
  },
  'foreign-origin': {
    status: 403,
    title: 'The request comes from another web site',
    remedy: 'Call the API from a program, or from a page that the admin API itself serves.',
  },
  'not-found': {
    status: 404,
    title: 'There is no such resource',
    remedy: 'Look at the list that it should be in.',
  },
  'no-workers': {
    status: 409,
    title: 'There are no worker processes',
    remedy: 'Everything is served by one process ("workers: 0"): restart or upgrade the program itself.',
  },
  'no-such-path': {
    status: 404,
    title: 'The API has no such path',
    remedy: 'Look at /openapi.json.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The resource does not know this method',
    remedy: 'Use one of those in the Allow field of the answer.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    remedy: 'Send head and body within 5 seconds.',
  },
  'no-healthy-target': {
    status: 409,
    title: 'A pool that would get traffic has no healthy target in state ready',
    remedy: 'See what its health checks find, or send "force": true.',
  },
  'warm-up-failed': {
    status: 409,
    title: 'A target of a pool that would get its first traffic could not be made warm',
    remedy: 'The errors name the targets and what was wrong: mend them, or send "force": true.',
  },
  'pool-in-use': {
    status: 409,
    title: 'The pool is in use',
    remedy: 'Take it out of the split, the rules and the mirror first; the errors name where it stands.',
  },
  'no-earlier-split': {
    status: 409,
    title: 'There is no split to go back to',
    remedy: 'Set the split that you want.',
  },
  'restart-required': {
    status: 409,
    title: 'The change needs a restart',
    remedy: 'Start the proxy with the new file; only services change while it runs.',
  },
  'idempotency-key-in-progress': {
    status: 409,
    title: 'A request with this Idempotency-Key is under way',
    remedy: 'Wait for its answer, or send the request again in a moment.',
  },
  'idempotency-key-unfinished': {
    status: 409,
    title: 'A request with this Idempotency-Key was carried out, but its answer is lost',
    remedy: 'Look at the generation that the detail names.',
  },
  'precondition-failed': {
    status: 412,
    title: 'If-Match or If-None-Match does not hold',
    remedy: 'Read the resource again and decide anew.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    remedy: 'Send at most 256 KiB, or 4 MiB for a configuration.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The content type is not one that the resource takes',
    remedy: 'Send Content-Type: application/json.',
  },
  'wrong-host': {
    status: 421,
    title: 'The Host of the request is not one of the admin API',
    remedy: 'Use the address that the admin API listens on, or localhost, with its port.',
  },
  invalid: {
    status: 422,
    title: 'The request is understood, but wrong',
    remedy: 'Mend every field that the errors point to.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'This Idempotency-Key belongs to another request',
    remedy: 'Take a new key for each new request.',
  },
  'too-many-failures': {
    status: 429,
    title: 'Too many wrong tokens were shown',
    remedy: 'Wait for the time of Retry-After, and send the right one.',
  },
  'too-many-writes': {
    status: 429,
    title: 'More calls would change something than admin.writesPerSecond allows',
    remedy: 'Send the request again after the time of Retry-After.',
  },
  'head-too-large': {
    status: 431,
    title: 'The request head is too large',
    remedy: 'Send at most 16 KiB.',
  },
  internal: {
    status: 500,
    title: 'A mistake of the proxy',
    remedy: 'Report it with the request id; the log has more.',
  },
  'store-full': {
    status: 507,
    title: 'The disk of the store is full',
    remedy: 'Make room on the disk; nothing was changed.',
  },
  'store-failed': {
    status: 500,
    title: 'The store did not keep the change',
    remedy: 'See to the disk; nothing was changed.',
  },
  'apply-failed': {
    status: 500,
    title: 'The change is stored, but was not seen to be applied',
    remedy: 'Look at /v1/status; the next change carries it too.',
  },
  'no-worker-answers': {
    status: 503,
    title: 'No worker answered in time',
    remedy: 'Look at /v1/workers, and try again.',
  },
  'too-many-changes': {
    status: 503,
    title: 'Too many changes are waiting',
    remedy: 'Send the request again after the time of Retry-After.',
  },
  'shutting-down': {
    status: 503,
    title: 'The proxy is starting or ending',
    remedy: 'Send the request to the process that takes over.',
  },
  'too-many-watchers': {
    status: 503,
    title: 'Too many clients watch the events',
    remedy: 'Close some of them.',
  },
};

const TYPE_PREFIX = 'urn:cutover:problem:';

/** The stable `type` of a problem document. */
export function problemType(code: ProblemCode): string {
  return TYPE_PREFIX + code;
}
