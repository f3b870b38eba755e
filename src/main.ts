#!/usr/bin/env node
/** The program: the first argument says what it does. Each command loads what it needs, so that help comes at once. */
import { Command } from 'commander';

import { BoundedLines } from './base/bounded-lines.ts';
import { VERSION } from './base/version.ts';
import { expectShortLives } from './base/young-objects.ts';
import type { ExplainOptions } from './cli/explain.ts';
import { nodeProblem } from './cli/node-floor.ts';

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const err = (line: string): void => void process.stderr.write(`${line}\n`);

expectShortLives();

const program = new Command('cutover')
  .description('A programmable reverse proxy and load balancer for zero-downtime deployment.')
  .version(VERSION)
  .showHelpAfterError();

serving('run', 'serve in the foreground until SIGTERM or SIGINT; SIGHUP applies the file again', false);
serving(
  'upgrade',
  'as run, but take over from the proxy that runs on the same state, with no connection dropped',
  true,
);

program
  .command('check')
  .description('say whether a configuration can be served, and if not, everything that is wrong with it')
  .requiredOption('--config <file>', 'configuration file, YAML or JSON')
  .action(async ({ config }: { config: string }) => {
    const { checkCommand } = await import('./cli/check.ts');
    process.exitCode = await checkCommand(config, { out, err });
  });

program
  .command('explain')
  .description('say what would become of a request, and why; of a running proxy, or by a configuration file')
  .argument('<url>', 'what is asked for, such as http://shop.example.com/cart; or tcp://LISTENER for a connection')
  .option('-X, --method <method>', 'the method; default: GET')
  .option('-H, --header <line>', '"name: value"; may be given several times', collect)
  .option('--cookie <pair>', '"name=value"; may be given several times', collect)
  .option('--client-ip <address>', 'where the connection comes from; default: 127.0.0.1')
  .option('--listener <name>', 'the listener that it comes by; default: the first')
  .option('--config <file>', 'explain by this configuration file, without a running proxy')
  .option('--proposed <file>', 'explain as if this set of changes, or this configuration, were in force')
  .option('--admin <address>', 'admin API of the proxy; default: $CUTOVER_ADMIN, or http://127.0.0.1:9900')
  .option('--token-file <file>', 'holds the token for the admin API; default: $CUTOVER_TOKEN')
  .option('--json', 'print the whole explanation as JSON')
  .action(async (url: string, options: Partial<ExplainOptions>) => {
    const { explainCommand } = await import('./cli/explain.ts');
    const asked = { header: [], cookie: [], ...options, url };
    process.exitCode = await explainCommand(asked, { out, err, env: process.env });
  });

program
  .command('token')
  .description('make a token for callers of the admin API, and the entry of the configuration that knows it')
  .requiredOption('--name <name>', 'who it is for, as audit and logs will say')
  .requiredOption('--role <role>', 'read, deploy, configure or admin')
  .option('--scope <service...>', 'the services that it is for; default: all', [])
  .option('--expires <when>', 'a time such as 2031-01-31T00:00:00Z, or how long from now, such as 90d')
  .action(async (options: { name: string; role: string; scope: string[]; expires?: string }) => {
    const { tokenCommand } = await import('./cli/token.ts');
    process.exitCode = tokenCommand(options, { out, err, nowMs: Date.now() });
  });

program
  .command('demo')
  .description('two versions of a small application with the proxy in front of them, and what to try')
  .action(async () => {
    const { demoCommand } = await import('./cli/demo.ts');
    const { createProgramLog } = await import('./cli/program-log.ts');
    const { startPrimary } = await import('./primary.ts');
    const ending = new AbortController();
    process.once('SIGINT', () => ending.abort());
    process.once('SIGTERM', () => ending.abort());
    const log = createProgramLog('warn');
    process.exitCode = await demoCommand({
      out,
      err,
      env: process.env,
      signal: ending.signal,
      startProxy: async (config) => {
        const primary = await startPrimary(config, { log, source: 'config/demo.yaml' });
        return { close: async () => void (await primary.close({ drainMs: 1_000 })) };
      },
    });
  });

function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

function serving(name: string, description: string, isUpgrade: boolean): void {
  program
    .command(name)
    .description(description)
    .requiredOption('--config <file>', 'configuration file, YAML or JSON')
    .option('--log-level <level>', 'fatal, error, warn, info, debug or silent', 'info')
    .action(async ({ config, logLevel }: { config: string; logLevel: string }) => {
      const problem = nodeProblem(process.versions.node);
      if (problem !== null) {
        err(problem);
        process.exit(1);
      }
      const { createProgramLog } = await import('./cli/program-log.ts');
      const { runCommand } = await import('./cli/run.ts');
      // It outlives whoever reads what it says.
      const errors = new BoundedLines(process.stderr);
      const log = createProgramLog(logLevel);
      const say = (line: string): void => errors.write(`${line}\n`);
      process.exit(await runCommand(config, { err: say, log, signals: process, isUpgrade }));
    });
}

await program.parseAsync();
