/** Where the control plane reports to; a pino logger is one. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Lines that nobody took; left out by logs that do not know. */
  readonly linesDropped?: () => number;
}
