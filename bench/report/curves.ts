import { SHARES } from '../loads/steady-load.ts';
import { type LoadResults, nameOf } from '../results.ts';
import { latencyOf } from './scenario-table.ts';
import { type Point, colourOf, curve, line, picture, text } from './svg.ts';

const WIDTH = 860;
const HEIGHT = 400;
const LEFT = 60;
const RIGHT = 170;
const TOP = 40;
const BOTTOM = 40;
/** So that names at the ends of lines that lie together can be read. */
const NAME_STEP = 15;
const OURS = 'cutover';

/** Latency of each contender by share of the requests, at the rate that all were asked at; null where there is none. */
export function curvesOfLatency(scenario: LoadResults): string | null {
  const { rate, title, entrants } = scenario;
  const lines = entrants
    .filter(({ latencies }) => latencies.length > 0)
    .map((entrant) => ({
      name: nameOf(entrant),
      contender: entrant.contender,
      latenciesMs: SHARES.map((share) => latencyOf(entrant, share)),
    }))
    .filter(({ latenciesMs }) => latenciesMs.every((ms) => ms > 0));
  if (rate === null || lines.length === 0) return null;
  const all = lines.flatMap(({ latenciesMs }) => latenciesMs);
  const decades = {
    low: Math.floor(Math.log10(Math.min(...all))),
    high: Math.ceil(Math.log10(Math.max(...all)) + 1e-9),
  };
  const yOf = (ms: number): number =>
    HEIGHT - BOTTOM - ((Math.log10(ms) - decades.low) / (decades.high - decades.low)) * (HEIGHT - TOP - BOTTOM);
  const heading = `${title}: latency at ${rate.toLocaleString('en-US')} requests/s`;
  const names = namePlaces(lines.map(({ latenciesMs }) => yOf(latenciesMs.at(-1) ?? 1)));
  return picture(WIDTH, HEIGHT, heading, [
    text(0, 18, heading, { style: 'title' }),
    ...axes(decades, yOf),
    ...lines.flatMap(({ name, contender, latenciesMs }, index) => {
      const points = latenciesMs.map((ms, at): Point => ({ x: xOf(at), y: yOf(ms) }));
      const isOurs = contender === OURS;
      const nameAt = { x: WIDTH - RIGHT + 24, y: names[index] ?? 0 };
      const tail = [points.at(-1) ?? nameAt, { x: nameAt.x - 4, y: nameAt.y }];
      return [
        curve(points, colourOf(contender), isOurs ? 3 : 1.75),
        curve(tail, colourOf(contender), 0.75),
        text(nameAt.x, nameAt.y + 4, name, isOurs ? { style: 'ours' } : {}),
      ];
    }),
  ]);
}

function axes({ low, high }: { readonly low: number; readonly high: number }, yOf: (ms: number) => number): string[] {
  const levels = Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step));
  const right = WIDTH - RIGHT;
  return [
    ...levels.flatMap((ms) => [
      line({ x: LEFT, y: yOf(ms) }, { x: right, y: yOf(ms) }, 'rule'),
      text(LEFT - 8, yOf(ms) + 4, timeOf(ms), { anchor: 'end' }),
    ]),
    ...SHARES.map((share, at) =>
      text(xOf(at), HEIGHT - BOTTOM + 20, `${Number((share * 100).toFixed(1))} %`, { anchor: 'middle' }),
    ),
  ];
}

/** Of a power of ten. */
function timeOf(ms: number): string {
  return ms < 1_000 ? `${Number(ms.toPrecision(1))} ms` : `${ms / 1_000} s`;
}

/** Where names are written: as near to where their lines end as lets each be read. */
function namePlaces(ends: readonly number[]): number[] {
  const places: number[] = [];
  const fromBottom = ends.map((y, index) => ({ y, index })).toSorted((a, b) => b.y - a.y);
  let last = Number.POSITIVE_INFINITY;
  for (const { y, index } of fromBottom) {
    last = Math.min(y, last - NAME_STEP);
    places[index] = last;
  }
  // Those that had to give way upwards must stay within the picture.
  last = TOP - NAME_STEP;
  for (const { index } of fromBottom.toReversed()) {
    last = Math.max(places[index] ?? 0, last + NAME_STEP);
    places[index] = last;
  }
  return places;
}

function xOf(at: number): number {
  return LEFT + 20 + (at / (SHARES.length - 1)) * (WIDTH - LEFT - RIGHT - 30);
}
