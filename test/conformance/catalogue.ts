/**
 * The wire catalogue: what clients and targets have been seen to say, or could, and what may become of it. Some of it
 * was used in attacks; all of it is played to the real proxy over real sockets (`wire.test.ts`), and again in every
 * segmentation (`segmentation.test.ts`).
 */
import { CHUNKED } from './catalogue/chunked.ts';
import { CONTENT_LENGTH } from './catalogue/content-length.ts';
import { EXPECT_CASES } from './catalogue/expect.ts';
import { FIELD_SYNTAX } from './catalogue/field-syntax.ts';
import { FORWARDING } from './catalogue/forwarding.ts';
import { FRAMING_CONFLICT } from './catalogue/framing-conflict.ts';
import { HOST_CASES } from './catalogue/host.ts';
import { LIMITS } from './catalogue/limits.ts';
import { PERSISTENCE } from './catalogue/persistence.ts';
import { REQUEST_LINE } from './catalogue/request-line.ts';
import { RESPONSE } from './catalogue/response.ts';
import { TRANSFER_ENCODING } from './catalogue/transfer-encoding.ts';
import { UPGRADE } from './catalogue/upgrade.ts';
import type { WireCase } from './wire-case.ts';

export const CATALOGUE: ReadonlyMap<string, readonly WireCase[]> = new Map([
  ['request line', REQUEST_LINE],
  ['host', HOST_CASES],
  ['field syntax', FIELD_SYNTAX],
  ['content-length', CONTENT_LENGTH],
  ['transfer-encoding', TRANSFER_ENCODING],
  ['both framings', FRAMING_CONFLICT],
  ['chunks', CHUNKED],
  ['expect', EXPECT_CASES],
  ['upgrade', UPGRADE],
  ['forwarding', FORWARDING],
  ['persistence', PERSISTENCE],
  ['limits', LIMITS],
  ['responses of a target', RESPONSE],
]);

export const ALL_CASES: readonly WireCase[] = [...CATALOGUE.values()].flat();
