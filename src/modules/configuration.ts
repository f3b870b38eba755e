/** A configuration as a module gives it: the document that a file holds, with functions where those may stand. */
import type { ConditionDocument } from '../schema/condition.ts';
import type { ConfigDocument } from '../schema/config.ts';
import type { MirrorDocument } from '../schema/mirror.ts';
import type { RuleDocument } from '../schema/rule.ts';
import type { ServiceDocument } from '../schema/service.ts';
import type { AlgorithmFactory, Condition, RequestFilter, ResponseFilter } from './user-code.ts';

export interface Configuration extends Omit<ConfigDocument, 'services'> {
  readonly services?: Readonly<Record<string, ServiceConfiguration>>;
}

export interface ServiceConfiguration extends Omit<ServiceDocument, 'rules' | 'mirror' | 'algorithm' | 'filters'> {
  readonly rules?: readonly RuleConfiguration[];
  readonly mirror?: MirrorConfiguration;
  readonly algorithm?: NonNullable<ServiceDocument['algorithm']> | FunctionOr<AlgorithmFactory>;
  readonly filters?: readonly FilterConfiguration[];
}

export type RuleConfiguration = Omit<RuleDocument, 'when'> & { readonly when: When };

export type MirrorConfiguration = Omit<MirrorDocument, 'when'> & { readonly when?: When };

/** Conditions of a rule or a mirror, or a function that is all of them. */
export type When = Condition | ConditionConfiguration;

/** As a file writes them, with functions at any depth. */
interface ConditionConfiguration extends Omit<ConditionDocument, 'all' | 'any' | 'not' | 'function'> {
  readonly all?: readonly When[];
  readonly any?: readonly When[];
  readonly not?: When;
  readonly function?: Condition | string;
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
