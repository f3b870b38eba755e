import { textTable } from './report/text-table.ts';
import type { ScriptResult } from './scenario.ts';

/** What a script has found: for people, and for `npm run bench` in the last line where that asks for it. */
export function printResult(result: ScriptResult, isJson: boolean): void {
  console.log(textTable(result.table).join('\n'));
  if (isJson) console.log(JSON.stringify(result));
}
