import { randomBytes } from 'node:crypto';
import path from 'node:path';

import type { Clock, Timer } from '../../base/clock.ts';
import type { ConfigDocument } from '../../schema/config.ts';
import type { DataPlane } from '../../snapshot/data-plane.ts';
import { ControlError } from '../control-error.ts';
import type { Log } from '../log.ts';
import { isSameJson } from '../state/canonical-json.ts';
import { type CertificateMap, readCertificates } from './certificate-files.ts';

/** Bytes of the keys that session tickets are sealed with, as Node takes them. */
const TICKET_KEY_BYTES = 48;

/**
 * How long the same ticket keys are used: whoever gets hold of them can read what was said by TLS 1.2 in that time, and
 * after it clients make one full handshake more.
 */
export const TICKET_KEY_MS = 3_600_000;

export interface CredentialKeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataPlane: Pick<DataPlane, 'useCredentials'>;
}

/** Has the data plane show the certificates that the configuration names, and gives it keys for session tickets. */
export class CredentialKeeper {
  readonly #options: CredentialKeeperOptions;
  #certificates: CertificateMap = {};
  #ticketKeys = newTicketKeys();
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(options: CredentialKeeperOptions) {
    this.#options = options;
  }

  /** What the files hold now. Throws a `ControlError` where one cannot be used. */
  async read(config: ConfigDocument, source: string): Promise<CertificateMap> {
    const { clock, log } = this.#options;
    const { certificates, problems, warnings } = await readCertificates(config, path.dirname(source), clock.wallMs());
    if (problems.length > 0) {
      throw new ControlError('invalid', 'Certificates of listeners cannot be used; nothing was changed.', problems);
    }
    for (const warning of warnings) log.warn(warning, 'a certificate is not valid now');
    return certificates;
  }

  /** Resolves when they are shown to whoever connects. */
  async use(certificates: CertificateMap): Promise<void> {
    if (isSameJson(certificates, this.#certificates)) return;
    this.#certificates = certificates;
    await this.#send();
    for (const [listener, own] of Object.entries(certificates)) {
      this.#options.log.info({ listener, names: own.flatMap(({ names }) => names) }, 'certificates are in use');
    }
    if (this.#timer === null) this.#rotateLater();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #send(): Promise<void> {
    return this.#options.dataPlane.useCredentials({ ticketKeys: this.#ticketKeys, certificates: this.#certificates });
  }

  #rotateLater(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimer(TICKET_KEY_MS, () => {
      this.#ticketKeys = newTicketKeys();
      this.#send().catch((error: unknown) => {
        this.#options.log.error({ err: error }, 'new keys for session tickets could not be put in use');
      });
      this.#rotateLater();
    });
  }
}

function newTicketKeys(): string {
  return randomBytes(TICKET_KEY_BYTES).toString('base64');
}
