import type { Child, Children } from './children.ts';

/** A proxy that is measured. */
export interface Contender {
  readonly name: string;
  /** Its version; or why it cannot take part. */
  probe(): Promise<{ readonly version: string } | { readonly missing: string }>;
  /** Starts it, as one process on `core`, in front of the backend. */
  start(place: Place): Promise<Child>;
}

/** Clients of a measurement that has not many. */
export const CLIENTS_MAX = 4096;

export interface Place {
  readonly children: Children;
  readonly core: number;
  /** Where it must listen, on 127.0.0.1. */
  readonly port: number;
  readonly backendPort: number;
  /** As many clients as will connect at once, where it has to be told. */
  readonly clientsMax: number;
  /** An empty folder of its own. */
  readonly folder: string;
}
