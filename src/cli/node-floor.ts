/**
 * The oldest versions of Node, line by line, in which what is known of node:http and node:tls is mended that the admin
 * API stands on, CVE-2026-58044 above all: fields that the parser honours and the program never sees. package.json
 * (`engines`) says the same to npm, which only warns.
 */
export const NODE_FLOORS: readonly (readonly [major: number, minor: number, patch: number])[] = [
  [24, 18, 1],
  [26, 5, 1],
];

/** Why this version of Node is too old to serve on; `null`: it is not. */
export function nodeProblem(version: string): string | null {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const newest = NODE_FLOORS.at(-1);
  const isNewer = newest !== undefined && major > newest[0];
  const isMended = NODE_FLOORS.some(
    ([floorMajor, floorMinor, floorPatch]) =>
      major === floorMajor && (minor > floorMinor || (minor === floorMinor && patch >= floorPatch)),
  );
  if (isNewer || isMended) return null;
  const floors = NODE_FLOORS.map(([a, b, c]) => `${a}.${b}.${c} (or a later ${a})`).join(', ');
  return `Node ${version} lacks security fixes that this program stands on: use ${floors}, or a newer line`;
}
