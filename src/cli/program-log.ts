import { pino } from 'pino';

import { BoundedLines } from '../base/bounded-lines.ts';
import { printableJson } from '../base/printable.ts';
import type { Log } from '../control/log.ts';

/** Where lines go. */
export interface LineSink {
  write(line: string): unknown;
  /** Lines that it could not take. */
  readonly dropped?: number;
}

/**
 * The log of the program: one JSON document a line, in which nothing that came from outside can be more than text. JSON
 * itself escapes only what is below U+0020; terminals and people are led astray by more.
 */
export function createProgramLog(level: string, sink: LineSink = new BoundedLines(process.stdout, droppedNote)): Log {
  const log = pino({ level }, { write: (line: string) => void sink.write(printableJson(line)) });
  return Object.assign(log, { linesDropped: () => sink.dropped ?? 0 });
}

/** As pino writes it; through pino it would be held to the level that was chosen, and come after what it is ahead of. */
function droppedNote(lines: number): string {
  const { pid } = process;
  return `${JSON.stringify({ level: 40, time: Date.now(), pid, lines, msg: 'log lines were dropped: nobody took them' })}\n`;
}
