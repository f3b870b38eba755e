import { pino } from 'pino';

import { printableJson } from '../base/printable.ts';
import type { Log } from '../control/log.ts';

/** Where lines go; pino's own destination is one. */
export interface LineSink {
  write(line: string): unknown;
}

/**
 * The log of the program: one JSON document a line, in which nothing that came from outside can be more than text. JSON
 * itself escapes only what is below U+0020; terminals and people are led astray by more.
 */
export function createProgramLog(level: string, sink: LineSink = pino.destination(1)): Log {
  return pino({ level }, { write: (line: string) => void sink.write(printableJson(line)) });
}
