/**
 * When so few targets of a pool are well that the others are used all the same: so many cannot be down, and if they are,
 * asking them costs nothing that is not lost already, while those that are left would be overrun.
 */
export interface Panicking {
  readonly isReady: boolean;
  readonly isWell: boolean;
  readonly isBackup: boolean;
}

/** Targets in reserve come first: while one of them is well, it is used instead. */
export function isPanic(targets: readonly Panicking[], panicPercent: number): boolean {
  if (panicPercent === 0) {
    return false;
  }
  const ready = targets.filter((target) => target.isReady);
  if (ready.some((target) => target.isBackup && target.isWell)) {
    return false;
  }
  const primary = ready.filter((target) => !target.isBackup);
  const judged = primary.length > 0 ? primary : ready;
  const well = judged.filter((target) => target.isWell).length;
  return well * 100 < judged.length * panicPercent;
}
