/** A configuration as a module gives it: the document that a file holds, with functions where those may stand. */
import type { ConfigDocument } from '../schema/config.ts';
import type { ServiceDocument } from '../schema/service.ts';
import type { AlgorithmFactory, RequestFilter, ResponseFilter } from './user-code.ts';

export interface Configuration extends Omit<ConfigDocument, 'services'> {
  readonly services?: Readonly<Record<string, ServiceConfiguration>>;
}

export interface ServiceConfiguration extends Omit<ServiceDocument, 'algorithm' | 'filters'> {
  readonly algorithm?: NonNullable<ServiceDocument['algorithm']> | FunctionOr<AlgorithmFactory>;
  readonly filters?: readonly FilterConfiguration[];
}

export interface FilterConfiguration {
  readonly onRequest?: RequestFilter | FunctionOr<RequestFilter>;
  readonly onResponse?: ResponseFilter | FunctionOr<ResponseFilter>;
}

/** The function itself, or its file and export. */
interface FunctionOr<F> {
  readonly function: F | string;
}

/** Gives the very configuration it is given: it is there so that an editor and the compiler know what it is. */
export function defineConfig(config: Configuration): Configuration {
  return config;
}
