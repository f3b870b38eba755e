import { createHash } from 'node:crypto';

import { ControlError } from '../control-error.ts';
import { canonicalJson } from './canonical-json.ts';

/** Base64url characters of a tag: 132 bits, far more than two documents will ever share by chance. */
const TAG_CHARS = 22;

/** The strong entity tag (RFC 9110 section 8.8.3) of what an operator set, quotes included. */
export function entityTag(value: unknown): string {
  return `"${createHash('sha256').update(canonicalJson(value)).digest('base64url').slice(0, TAG_CHARS)}"`;
}

/** Entity tags of an `If-Match` or `If-None-Match`; `"*"`: any that exists. */
export type TagList = '*' | readonly string[];

export interface Preconditions {
  readonly ifMatch: TagList | null;
  readonly ifNoneMatch: TagList | null;
}

export const NO_PRECONDITIONS: Preconditions = { ifMatch: null, ifNoneMatch: null };

/**
 * Refuses a change whose preconditions (RFC 9110 section 13.1) do not hold for a resource with one of these tags; none:
 * it does not exist. Called inside the turn of the change, so that nothing comes between the check and the change.
 */
export function requirePreconditions({ ifMatch, ifNoneMatch }: Preconditions, tagsOf: () => readonly string[]): void {
  // Hashing a large document for nobody would be felt in every change.
  if (ifMatch === null && ifNoneMatch === null) return;
  const tags = tagsOf();
  const exists = tags.length > 0;
  if (ifMatch !== null && !(ifMatch === '*' ? exists : tags.some((tag) => ifMatch.includes(tag)))) {
    const now = exists ? `its ETag is now ${tags.join(' or ')}` : 'it does not exist';
    throw new ControlError('precondition-failed', `The resource is not the one that If-Match names: ${now}.`);
  }
  if (ifNoneMatch !== null && (ifNoneMatch === '*' ? exists : tags.some((tag) => ifNoneMatch.includes(tag)))) {
    throw new ControlError('precondition-failed', `The resource exists already, with the ETag ${tags.join(' or ')}.`);
  }
}
