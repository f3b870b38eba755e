import type { ServiceDocument } from '../../schema/service.ts';
import { ControlError } from '../control-error.ts';

/** What is shown instead of a secret; written back, it means the secret that is there. */
export const REDACTED = '[redacted, 16 or more characters to replace]';

/** What was written, without the name that reading gave it, so that a document can be sent back as it was read. */
export function withoutName(body: unknown, name: string): unknown {
  if (body === null || typeof body !== 'object' || !('name' in body)) return body;
  const { name: named, ...document } = body;
  if (named !== name) {
    const message = `must be "${name}", as the path says, or be left out`;
    throw new ControlError('invalid', 'The name is not that of the path.', [{ path: '/name', message }]);
  }
  return document;
}

/** The document as it is shown to operators. */
export function redacted(document: ServiceDocument): ServiceDocument {
  const { sticky } = document;
  if (sticky?.secret === undefined && sticky?.acceptedSecrets === undefined) return document;
  return {
    ...document,
    sticky: {
      ...sticky,
      ...(sticky.secret !== undefined && { secret: REDACTED }),
      ...(sticky.acceptedSecrets !== undefined && { acceptedSecrets: sticky.acceptedSecrets.map(() => REDACTED) }),
    },
  };
}

/** Puts the secrets that are there where a document says what `redacted` made of them. */
export function keepSecret(document: ServiceDocument, before: ServiceDocument | undefined): ServiceDocument {
  const sticky = document?.sticky;
  const { secret, acceptedSecrets } = sticky ?? {};
  const isAccepted = Array.isArray(acceptedSecrets) && acceptedSecrets.includes(REDACTED);
  if (sticky === undefined || (secret !== REDACTED && !isAccepted)) return document;
  return {
    ...document,
    sticky: {
      ...sticky,
      ...(secret === REDACTED && { secret: kept('/sticky/secret', before?.sticky?.secret) }),
      ...(isAccepted && { acceptedSecrets: keptList(acceptedSecrets, before?.sticky?.acceptedSecrets ?? []) }),
    },
  };
}

/** By their places: an entry that stands for one that was there can only be told from the others by where it stood. */
function keptList(written: readonly string[], before: readonly string[]): string[] {
  return written.map((secret, at) =>
    secret === REDACTED ? kept(`/sticky/acceptedSecrets/${at}`, before[at]) : secret,
  );
}

function kept(path: string, secret: string | undefined): string {
  if (secret !== undefined) return secret;
  const message = 'stands for a secret that is not there; give one, or leave it out';
  throw new ControlError('invalid', 'There is no secret to keep.', [{ path, message }]);
}
