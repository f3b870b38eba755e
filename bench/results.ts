/** What a run has found, as it is kept in JSON. */
import type { SteadyResult } from './loads/steady-load.ts';
import type { Sample } from './measure.ts';
import type { ScriptResult } from './scenario.ts';

export interface Conditions {
  readonly takenAt: string;
  readonly machine: string;
  readonly node: string;
  readonly backend: string;
  /** What runs on which core. */
  readonly placement: string;
  readonly seconds: number;
  readonly rounds: number;
  /** Mean number of running processes just before, to judge how quiet the machine was. */
  readonly loadBefore: number;
  /** Of programs that measure, and what that means. */
  readonly missingTools: readonly string[];
}

export interface Absence {
  readonly name: string;
  readonly reason: string;
  /** It should have been there: whoever asked for a run must not take it for a success. */
  readonly isFailure: boolean;
}

export interface EntrantResult {
  readonly contender: string;
  readonly version: string;
  /** What sets it apart where a contender enters several times; or "". */
  readonly label: string;
  readonly samples: readonly Sample[];
  /** At the fixed rate; empty where that was not measured. */
  readonly latencies: readonly SteadyResult[];
}

export interface LoadResults {
  readonly kind: 'load';
  readonly name: string;
  readonly title: string;
  readonly generator: string;
  readonly connections: number;
  /** Requests a second at which latencies were measured; null where they were not. */
  readonly rate: number | null;
  readonly entrants: readonly EntrantResult[];
  readonly absent: readonly Absence[];
}

export interface ScriptResults extends ScriptResult {
  readonly kind: 'script';
  readonly name: string;
  readonly title: string;
}

/** It could not be measured here. */
export interface Skipped {
  readonly kind: 'skipped';
  readonly name: string;
  readonly title: string;
  readonly reason: string;
  readonly isFailure: boolean;
}

export type ScenarioResults = LoadResults | ScriptResults | Skipped;

export interface Results {
  readonly conditions: Conditions;
  readonly scenarios: readonly ScenarioResults[];
  /** Contenders that took part in nothing. */
  readonly missing: readonly Absence[];
}

/** Whether something that should have been measured was not. */
export function hasFailed(found: ScenarioResults): boolean {
  if (found.kind === 'skipped') return found.isFailure;
  return found.kind === 'load' && found.absent.some(({ isFailure }) => isFailure);
}

/** "cutover", or "cutover, 10,000 services". */
export function nameOf({ contender, label }: Pick<EntrantResult, 'contender' | 'label'>): string {
  return label === '' ? contender : `${contender}, ${label}`;
}
