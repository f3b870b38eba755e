import type { LoadResults, Results } from '../results.ts';
import { cpuRatio, entrantNamed } from './figures.ts';
import { bar, colourOf, line, picture, text } from './svg.ts';

const WIDTH = 860;
const LABELS_WIDTH = 150;
const VALUES_WIDTH = 60;
const TITLE_HEIGHT = 44;
const GROUP_TITLE_HEIGHT = 22;
const BAR_HEIGHT = 13;
const BAR_STEP = 17;
const GROUP_GAP = 14;
/** What is beyond is cut off, and its number says how far it would go: else one slow contender makes all others alike. */
const TIMES_MAX = 4;

const REFERENCE = 'nginx';

interface Group {
  readonly title: string;
  readonly bars: readonly { readonly contender: string; readonly times: number }[];
}

/** Processor time of each contender as a multiple of nginx's, by scenario; null where nginx took part in none. */
export function barsOfCpu(results: Results): string | null {
  const groups = results.scenarios.flatMap((scenario) => (scenario.kind === 'load' ? groupsOf(scenario) : []));
  if (groups.length === 0) return null;
  const heightOf = ({ bars }: Group): number => GROUP_TITLE_HEIGHT + bars.length * BAR_STEP + GROUP_GAP;
  const height = TITLE_HEIGHT + groups.reduce((sum, group) => sum + heightOf(group), 0);
  const title = `Processor time per request, × ${REFERENCE} (shorter is better)`;
  const parts = [text(0, 18, title, { style: 'title' }), ...scale(height)];
  let top = TITLE_HEIGHT;
  for (const group of groups) {
    parts.push(...drawGroup(group, top));
    top += heightOf(group);
  }
  return picture(WIDTH, height, title, parts);
}

function groupsOf(scenario: LoadResults): Group[] {
  const labels = [...new Set(scenario.entrants.map(({ label }) => label))];
  return labels.flatMap((label) => {
    const reference = entrantNamed(scenario, REFERENCE, label);
    if (reference === null) return [];
    const bars = scenario.entrants
      .filter((entrant) => entrant.label === label)
      .flatMap(({ contender, samples }) => {
        const times = cpuRatio(samples, reference.samples);
        return times === null || !Number.isFinite(times) ? [] : [{ contender, times }];
      });
    return bars.length === 0 ? [] : [{ title: label === '' ? scenario.title : `${scenario.title}: ${label}`, bars }];
  });
}

function scale(height: number): string[] {
  return Array.from({ length: TIMES_MAX + 1 }, (_, times) => {
    const style = times === 1 ? 'reference' : 'rule';
    return [
      line({ x: xOf(times), y: TITLE_HEIGHT - 4 }, { x: xOf(times), y: height - GROUP_GAP }, style),
      text(xOf(times), TITLE_HEIGHT - 8, `${times}×`, { anchor: 'middle' }),
    ];
  }).flat();
}

function drawGroup({ title, bars }: Group, top: number): string[] {
  const drawn = bars.flatMap(({ contender, times }, index) => {
    const y = top + GROUP_TITLE_HEIGHT + index * BAR_STEP;
    const end = xOf(Math.min(times, TIMES_MAX));
    const look = contender === 'cutover' ? ({ style: 'ours' } as const) : {};
    return [
      text(LABELS_WIDTH - 8, y + BAR_HEIGHT - 2, contender, { anchor: 'end', ...look }),
      bar({ x: LABELS_WIDTH, y }, end - LABELS_WIDTH, BAR_HEIGHT, colourOf(contender)),
      text(end + 6, y + BAR_HEIGHT - 2, `${times.toFixed(2)}${times > TIMES_MAX ? ' →' : ''}`, look),
    ];
  });
  return [text(0, top + 14, title, { style: 'ours' }), ...drawn];
}

function xOf(times: number): number {
  return LABELS_WIDTH + (times / TIMES_MAX) * (WIDTH - LABELS_WIDTH - VALUES_WIDTH);
}
