/** docs/reference/cli.md, made from what the program itself says when it is asked for help. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

const INTRODUCTION = `# Commands

This page is made from the program's own help (\`npm run docs\`); a test fails when it is stale.

In a checkout, \`npm run -s cutover -- COMMAND\` runs them on the right version of Node; installed as a package, the program is
\`cutover COMMAND\`.`;

const EXIT_CODES = `## Exit codes

| code | of | means |
|---|---|---|
| 0 | all | Done; of \`run\` and \`upgrade\`: ended by a signal with nothing cut, or another process has taken over. |
| 1 | all | It could not be done, and the error output says why: the configuration, an address, the store. Nothing is served. Of \`explain\`: there is no explanation; a request that would be refused is explained, with 0. |
| 3 | \`run\`, \`upgrade\` | Ended by a signal, and requests under way had to be cut when \`shutdown.drainTimeout\` was over. |
| 130 | \`run\`, \`upgrade\` | Ended at once by a second signal. |

## Signals of \`run\` and \`upgrade\`

| signal | does |
|---|---|
| SIGTERM, SIGINT | Readiness fails and answers say \`Connection: close\` for \`shutdown.announce\`; then nothing new is accepted and what is under way finishes, for at most \`shutdown.drainTimeout\`. |
| the same again | Ends at once. |
| SIGHUP | Reads the configuration file again, with the tokens and certificates that it names, and puts its services and who may call the admin API in force, all or nothing. |`;

/** The whole page. */
export async function cliReference(): Promise<string> {
  const program = await help([]);
  const commands = await Promise.all(
    commandsOf(program).map(async (command) => `## \`cutover ${command}\`\n\n${fenced(await help([command]))}`),
  );
  return `${[INTRODUCTION, fenced(program), ...commands, EXIT_CODES].join('\n\n')}\n`;
}

/** The names of all subcommands, in the order of the help. */
export function commandsOf(help: string): string[] {
  const [, list = ''] = help.split(/^Commands:$/m);
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
}

async function help(command: readonly string[]): Promise<string> {
  // Without the warnings of a Node that is newer than this program.
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', MAIN, ...command, '--help']);
  return stdout;
}

function fenced(text: string): string {
  return `\`\`\`\n${text.trim()}\n\`\`\``;
}
