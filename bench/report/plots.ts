import type { Results } from '../results.ts';
import { barsOfCpu } from './bars.ts';
import { curvesOfLatency } from './curves.ts';
import type { Plot } from './page.ts';

/** Every picture of the results, each with the name of its file. */
export function plotsOf(results: Results): (Plot & { readonly svg: string })[] {
  const bars = barsOfCpu(results);
  const curves = results.scenarios.flatMap((scenario) => {
    const svg = scenario.kind === 'load' ? curvesOfLatency(scenario) : null;
    return svg === null ? [] : [{ file: `latency-${scenario.name}.svg`, title: `Latency: ${scenario.title}`, svg }];
  });
  const first =
    bars === null ? [] : [{ file: 'cpu.svg', title: 'Processor time per request next to nginx', svg: bars }];
  return [...first, ...curves];
}
