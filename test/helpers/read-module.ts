import { parseAst } from 'vitest/node';

/** What the rules of tidy.test.ts need to know of a module. */
export interface ModuleFacts {
  readonly imports: readonly ImportFact[];
  /** Names of variables declared with `let` or `var` outside of any function. */
  readonly moduleVariables: readonly { readonly name: string; readonly line: number }[];
  /** Whether there is nothing in it but names handed on from other modules. */
  readonly isBarrel: boolean;
}

export interface ImportFact {
  /** As written: "./route.ts", "node:net", "pino". */
  readonly from: string;
  readonly line: number;
  /**
   * Whether the import is gone when the types are stripped. That of `import { type A }` is not: with
   * verbatimModuleSyntax it still loads the module.
   */
  readonly typeOnly: boolean;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** Throws a SyntaxError where the source is not TypeScript. */
export function readModule(source: string, file: string): ModuleFacts {
  const program = parseAst(source, { lang: file.endsWith('x') ? 'tsx' : 'ts', astType: 'ts' }, file) as unknown as {
    readonly body: readonly Node[];
  };
  const lineOf = (node: Node): number => source.slice(0, node.start).split('\n').length;
  const imports: ImportFact[] = [];
  visit(program.body, (node) => {
    const from = isNode(node['source']) ? node['source']['value'] : null;
    if (typeof from !== 'string') return;
    const typeOnly = node.type === 'TSImportType' || node['importKind'] === 'type' || node['exportKind'] === 'type';
    imports.push({ from, line: lineOf(node), typeOnly });
  });
  return {
    imports,
    moduleVariables: program.body.flatMap((statement) => {
      const declaration = isNode(statement['declaration']) ? statement['declaration'] : statement;
      const mutable = declaration['kind'] === 'let' || declaration['kind'] === 'var';
      if (declaration.type !== 'VariableDeclaration' || !mutable || declaration['declare'] === true) return [];
      const names = (declaration['declarations'] as readonly { id: Node }[]).map(({ id }) =>
        source.slice(id.start, id.end),
      );
      return names.map((name) => ({ name, line: lineOf(declaration) }));
    }),
    isBarrel:
      program.body.some((statement) => isHandingOn(statement)) &&
      program.body.every((statement) => isHandingOn(statement) || statement.type === 'ImportDeclaration'),
  };
}

/** `export * from`, `export { a } from`, and `export { a }` of something that was imported. */
function isHandingOn(statement: Node): boolean {
  if (statement.type === 'ExportAllDeclaration') return true;
  return statement.type === 'ExportNamedDeclaration' && !isNode(statement['declaration']);
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, see);
  } else if (isNode(value)) {
    see(value);
    for (const child of Object.values(value)) visit(child, see);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
