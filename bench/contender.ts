import type { Certificate } from './certificate.ts';
import type { Child, Children } from './children.ts';

/** A proxy that is measured. */
export interface Contender {
  readonly name: string;
  /** Compiled to machine code ahead of time: it sets the pace that all are asked at for latencies. */
  readonly isNative: boolean;
  /** What it is and can do; or why it cannot take part. */
  probe(): Promise<Probed | { readonly missing: string }>;
  /** Starts it, as one process on `core`, in front of the backend. */
  start(place: Place): Promise<Child>;
}

export interface Probed {
  readonly version: string;
  readonly features: readonly Feature[];
}

/** What a setting may ask of a contender. */
export type Feature =
  | 'http'
  | 'https'
  | 'http2'
  | 'tcp'
  | 'websocket'
  | 'access log'
  | 'services'
  | 'targets'
  | 'rules'
  | 'mirror';

/** How a contender is to be configured. What is left out, or is 1 or 0, is not there. */
export interface Setting {
  /** `tcp`: bytes, of whatever protocol. `https`: HTTP/1.1, and HTTP/2 with `http2`. */
  readonly entry: 'http' | 'https' | 'tcp';
  readonly http2?: boolean;
  readonly websocket?: boolean;
  /** To a file. */
  readonly accessLog?: boolean;
  /** So many services with a host each; the one that is asked is the last. */
  readonly services?: number;
  /** Addresses of the backend. */
  readonly targets?: number;
  /** Rules that the request does not match. */
  readonly rules?: number;
  /** Of the requests, to a pool that is the backend, too. */
  readonly mirrorPercent?: number;
}

/** Clients of a measurement that has not many. */
export const CLIENTS_MAX = 4096;

export interface Place {
  readonly children: Children;
  readonly core: number;
  /** Where it must listen, on 127.0.0.1. */
  readonly port: number;
  /** Addresses of the backend, "127.0.0.1:8080". */
  readonly targets: readonly string[];
  /** As many clients as will connect at once, where it has to be told. */
  readonly clientsMax: number;
  /** An empty folder of its own. */
  readonly folder: string;
  readonly setting: Setting;
  /** Where the setting needs one. */
  readonly certificate: Certificate | null;
}

/** What a setting asks for. */
export function featuresOf(setting: Setting): Feature[] {
  const { entry, http2, websocket, accessLog, services = 1, targets = 1, rules = 0, mirrorPercent = 0 } = setting;
  const asked: readonly (readonly [Feature, boolean])[] = [
    [entry, true],
    ['http2', http2 === true],
    ['websocket', websocket === true],
    ['access log', accessLog === true],
    ['services', services > 1],
    ['targets', targets > 1],
    ['rules', rules > 0],
    ['mirror', mirrorPercent > 0],
  ];
  return asked.flatMap(([feature, isAsked]) => (isAsked ? [feature] : []));
}

/** The first thing that the setting asks for and the contender cannot do, or is not made to do here. */
export function lackOf({ features }: Probed, setting: Setting): Feature | null {
  return featuresOf(setting).find((feature) => !features.includes(feature)) ?? null;
}
