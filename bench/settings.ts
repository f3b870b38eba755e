import { parseArgs } from 'node:util';
import type { Contender } from './contender.ts';
import type { Scenario } from './scenario.ts';

export interface Settings {
  readonly scenarios: readonly Scenario[];
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly seconds: number;
  readonly isListing: boolean;
  /** Where results are kept, where that was said. */
  readonly out: string | null;
}

/** From a command line; an error that says what is wrong and what would be right. */
export function readSettings(
  args: readonly string[],
  scenarios: readonly Scenario[],
  contenders: readonly Contender[],
): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      all: { type: 'boolean', default: false },
      contenders: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      list: { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  });
  if (values.all && values.only !== undefined) throw new Error('--all and --only exclude each other');
  return {
    scenarios:
      values.only === undefined
        ? scenarios.filter(({ isUsual }) => isUsual || values.all)
        : named('--only', values.only, scenarios),
    contenders: values.contenders === undefined ? contenders : named('--contenders', values.contenders, contenders),
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    isListing: values.list,
    out: values.out ?? null,
  };
}

function named<T extends { readonly name: string }>(flag: string, text: string, all: readonly T[]): T[] {
  return text.split(',').map((name) => {
    const found = all.find((one) => one.name === name);
    if (found !== undefined) return found;
    throw new Error(`${flag}: there is no ${name}, but ${all.map((one) => one.name).join(', ')}`);
  });
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${flag}: ${text} is not a whole number above 0`);
}
