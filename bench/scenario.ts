import type { Setting } from './contender.ts';
import type { Load } from './load.ts';

interface Common {
  /** As it is called on the command line. */
  readonly name: string;
  readonly title: string;
  /** Whether it is a part of a run for which nothing else was asked. */
  readonly isUsual: boolean;
}

/** All contenders that can do it are asked the same. */
export interface LoadScenario extends Common {
  readonly kind: 'load';
  readonly load: Load;
  /** Of contenders, each by what it is called in the table where there are several. */
  readonly settings: readonly (readonly [label: string, setting: Setting])[];
  /** `fast`: the fastest there is. `raw`: the one that can do more. */
  readonly backend: 'fast' | 'raw';
  /** Whether latencies at a fixed rate are measured, too. */
  readonly hasLatencies: boolean;
}

/** A script beside this file, which prints a `ScriptResult` as JSON in its last line when it is told `--json`. */
export interface ScriptScenario extends Common {
  readonly kind: 'script';
  readonly script: string;
  readonly args: readonly string[];
}

export type Scenario = LoadScenario | ScriptScenario;

export interface ScriptResult {
  /** With a row of titles first. */
  readonly table: readonly (readonly string[])[];
  /** By name, for the goals. */
  readonly figures: Readonly<Record<string, number>>;
}
