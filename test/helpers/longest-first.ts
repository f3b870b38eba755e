import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders of test/ whose files take long, the longest first. What is in none of them comes last. */
const LONG = ['faults', 'security', 'conformance', 'integration'].map((folder) => `/test/${folder}/`);

/** Begins with the files that take longest, so that at the end nobody waits for one of them alone. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => rank(one) - rank(other));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const place = LONG.findIndex((folder) => moduleId.includes(folder));
  return place === -1 ? LONG.length : place;
}
