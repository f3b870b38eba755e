/** What pictures are made of: the same input gives the same bytes, and they can be read on light and dark pages alike. */

/** Of lines and bars, by contender. Each stands out from white and from black. */
const COLOURS: Readonly<Record<string, string>> = {
  cutover: '#2f81f7',
  nginx: '#2da44e',
  haproxy: '#bf8700',
  caddy: '#1b9e9e',
  relay: '#8b949e',
  'http-proxy': '#db61a2',
  httpxy: '#a371f7',
  '@fastify/http-proxy': '#e16f24',
};
const OTHER_COLOUR = '#8b949e';

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #6e7781; }
  .title { font-size: 14px; font-weight: 600; }
  .ours { font-weight: 600; }
  .rule { stroke: #8b949e; stroke-opacity: 0.35; }
  .reference { stroke: #6e7781; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9da7b3; }
    .title, .ours { fill: #e6edf3; }
    .reference { stroke: #9da7b3; }
  }
`;

export function colourOf(contender: string): string {
  return COLOURS[contender] ?? OTHER_COLOUR;
}

export function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  const box = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

export interface TextChoice {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly style?: 'title' | 'ours';
}

export function text(x: number, y: number, content: string, { anchor = 'start', style }: TextChoice = {}): string {
  const look = style === undefined ? '' : ` class="${style}"`;
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}"${look}>${escaped(content)}</text>`;
}

export function line(from: Point, to: Point, style: 'rule' | 'reference'): string {
  return `<line x1="${at(from.x)}" y1="${at(from.y)}" x2="${at(to.x)}" y2="${at(to.y)}" class="${style}"/>`;
}

export function bar(from: Point, width: number, height: number, colour: string): string {
  return `<rect x="${at(from.x)}" y="${at(from.y)}" width="${at(width)}" height="${at(height)}" rx="2" fill="${colour}"/>`;
}

export function curve(points: readonly Point[], colour: string, width: number): string {
  const path = points.map(({ x, y }) => `${at(x)},${at(y)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"/>`;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A tenth of a pixel is as exact as eyes are. */
function at(coordinate: number): string {
  return String(Number(coordinate.toFixed(1)));
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
