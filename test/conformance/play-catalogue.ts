import type { Pieces } from '../helpers/write-pieces.ts';
import type { Verdict } from './judge.ts';
import type { WireCase } from './wire-case.ts';
import { WireLane, type ProxyUnderTest } from './wire-lane.ts';

export interface Playing {
  /** Proxies, each with a target of its own, that play side by side. */
  readonly lanes: number;
  readonly openProxy: (targetUrl: string) => Promise<ProxyUnderTest>;
}

export interface Play {
  readonly wireCase: WireCase;
  readonly pieces: Pieces;
}

/**
 * Plays everything, in as many lanes as asked for, and gives the verdicts in the order of `plays`. Where nothing came that
 * should have, it is played again with nothing beside it: a busy machine may have taken longer than it was waited for.
 */
export async function playCatalogue(plays: readonly Play[], playing: Playing): Promise<Verdict[]> {
  const verdicts = await playAll(plays, playing);
  const late = [...plays.keys()].filter((index) => isLate(verdicts[index] as Verdict));
  if (late.length > 0) {
    const alone = late.map((index) => plays[index] as Play);
    for (const [place, verdict] of (await playAll(alone, { ...playing, lanes: 1 })).entries()) {
      verdicts[late[place] as number] = verdict;
    }
  }
  return verdicts;
}

function isLate({ outcome, violations }: Verdict): boolean {
  return outcome === 'hang' && violations.length > 0;
}

async function playAll(plays: readonly Play[], playing: Playing): Promise<Verdict[]> {
  const lanes = await Promise.all(Array.from({ length: playing.lanes }, () => WireLane.open(playing.openProxy)));
  const verdicts: Verdict[] = new Array<Verdict>(plays.length);
  let next = 0;
  const work = async (lane: WireLane) => {
    for (let index = next++; index < plays.length; index = next++) {
      const play = plays[index];
      if (play !== undefined) verdicts[index] = await lane.play(play.wireCase, play.pieces);
    }
  };
  try {
    await Promise.all(lanes.map(work));
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
  return verdicts;
}
