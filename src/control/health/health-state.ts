/** Whether a target counts as up, and how many checks in a row have said the opposite. */
export interface HealthState {
  readonly up: boolean;
  readonly against: number;
}

/**
 * The state after one more check. A target changes sides only after `rise` (or `fall`) checks in a row against the
 * side it is on; a single one that agrees starts the count again. Hence a target that flaps faster than that stays
 * where it is.
 */
export function afterCheck(
  state: HealthState,
  passed: boolean,
  { rise, fall }: { readonly rise: number; readonly fall: number },
): HealthState {
  if (passed === state.up) return { up: state.up, against: 0 };
  const against = state.against + 1;
  const needed = state.up ? fall : rise;
  return against >= needed ? { up: passed, against: 0 } : { up: state.up, against };
}
