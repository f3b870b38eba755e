import { closestName } from './closest-name.ts';

/** Text as it is, or the name of a variable that stands for some. */
export type TemplatePart = string | { readonly variable: string };

/** A text with variables in it, taken apart once so that filling it in is mere joining. It is plain data. */
export type Template = readonly TemplatePart[];

/** `{name}` is a variable and `{{` a brace; any other brace is one too, so that JSON and CSS need nothing special. */
const BRACES = /\{\{|\{([A-Za-z][A-Za-z0-9_]*)\}/g;

/**
 * Takes `text` apart; says what is wrong where it names a variable that is not among `known`. In a page, which may hold
 * programs in which braces are something else, unknown words in them are text (`as-text`), unless one looks misspelt.
 */
export function parseTemplate(
  text: string,
  known: readonly string[],
  unknown: 'refused' | 'as-text' = 'refused',
): Template | { readonly problem: string } {
  const parts: TemplatePart[] = [];
  let literal = '';
  let from = 0;
  for (const match of text.matchAll(BRACES)) {
    const [written, variable] = match;
    literal += text.slice(from, match.index);
    from = match.index + written.length;
    if (variable === undefined) {
      literal += '{';
      continue;
    }
    if (!known.includes(variable)) {
      if (unknown === 'refused' || closestName(variable, known) !== null) {
        return { problem: unknownWords(variable, known) };
      }
      literal += written;
      continue;
    }
    if (literal !== '') parts.push(literal);
    parts.push({ variable });
    literal = '';
  }
  literal += text.slice(from);
  if (literal !== '') parts.push(literal);
  return parts;
}

/** The text with every variable replaced by what `valueOf` gives for it. */
export function fillTemplate(template: Template, valueOf: (variable: string) => string): string {
  let text = '';
  for (let i = 0; i < template.length; i++) {
    const part = template[i] as TemplatePart;
    text += typeof part === 'string' ? part : valueOf(part.variable);
  }
  return text;
}

function unknownWords(variable: string, known: readonly string[]): string {
  const meant = closestName(variable, known);
  const right =
    meant === null ? `known are ${known.map((name) => `{${name}}`).join(', ')}` : `did you mean "{${meant}}"?`;
  return `there is no variable "{${variable}}"; ${right} (a brace that is meant as such is written "{{")`;
}
