import { Ajv } from 'ajv';

import { FORMATS } from './formats.ts';
import type { Format } from './formats.ts';

export interface AjvOptions {
  /**
   * Whether validating writes the defaults into the value. Off for what is stored: a document stays as its operator
   * wrote it, so that a default may change in a later version, and so that an ETag says what was set.
   */
  readonly fillDefaults: boolean;
  /** Every problem instead of the first: for configuration files. A request's body gives no reason to work on. */
  readonly allErrors: boolean;
}

/**
 * The one way to make an Ajv instance: strict about schemas, no coercion of values, no dropping of unknown fields, and
 * all formats of `formats.ts`.
 */
export function createAjv(options: AjvOptions): Ajv {
  const ajv = new Ajv({
    strict: true,
    strictRequired: false,
    // "type: [integer, string]" states better what a status may be than an `anyOf` with three errors for one mistake.
    allowUnionTypes: true,
    discriminator: true,
    useDefaults: options.fillDefaults,
    allErrors: options.allErrors,
    // The value at fault is needed to say what would have been right.
    verbose: true,
    // To make its code shorter takes longer than to run it as it is, for as often as a process needs it.
    code: { optimize: false },
  });
  for (const [name, problemOf] of Object.entries<Format>(FORMATS)) {
    ajv.addFormat(name, { type: 'string', validate: (text: string) => problemOf(text) === null });
  }
  ajv.addFormat('percent', { type: 'number', validate: isPercent });
  return ajv;
}

/** Whole hundredths: a share is counted in slots of 0.01 %. */
function isPercent(value: number): boolean {
  return value >= 0 && value <= 100 && Math.abs(value * 100 - Math.round(value * 100)) < 1e-6;
}
