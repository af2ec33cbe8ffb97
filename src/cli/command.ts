import { Command, Option } from 'commander';
import { loadSettings } from './load-settings.ts';
import { settings } from './settings.ts';
import type { Setting } from './setting.ts';
import type { SettingKey, SettingValues } from './settings.ts';
import { untilSignal } from '../platform/lifecycle.ts';
import { createLogger } from '../platform/logger.ts';
import type { Logger } from '../platform/logger.ts';

export interface CommandContext {
  /** Aborted by SIGINT or SIGTERM: stop cleanly. */
  readonly signal: AbortSignal;
  readonly json: boolean;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A command: which settings it takes, its own flags, and what it does. Returns the exit code. */
export interface CommandSpec<K extends SettingKey> {
  readonly name: string;
  readonly what: string;
  readonly example: string;
  /** Left out of `--help`: for those who work on UsageStream. */
  readonly hidden?: true;
  /** Positional arguments; `own.args` has their values. */
  readonly args?: { readonly name: string; readonly what: string };
  readonly takes: readonly K[];
  readonly options?: readonly Option[];
  readonly run: (
    values: Pick<SettingValues, K | 'logLevel'>,
    own: Readonly<Record<string, unknown>>,
    context: CommandContext,
  ) => Promise<number>;
}

export const defineCommand = <K extends SettingKey>(spec: CommandSpec<K>): CommandSpec<K> => spec;

/** Adds the command with a flag for each setting it takes, `--config`, `--json` and an example. */
export function addCommand<K extends SettingKey>(
  program: Command,
  spec: CommandSpec<K>,
  finish: (code: number) => void,
): void {
  const keys = [...spec.takes, 'logLevel' as const];
  const command = program
    .command(spec.name, { hidden: spec.hidden === true })
    .description(spec.what);
  if (spec.args) command.argument(spec.args.name, spec.args.what);
  for (const key of keys) for (const option of flagsOf(settings[key])) command.addOption(option);
  for (const option of spec.options ?? []) command.addOption(option);
  command
    .option('--config <file>', 'YAML file of settings, keys as the flags')
    .option('--json', 'results as JSON lines on stdout')
    .addHelpText('after', `\nExample:\n  ${spec.example.replaceAll('\n', '\n  ')}`)
    .action(async () => {
      const flags: Record<string, unknown> = { ...command.opts(), args: command.args };
      const file = flags['config'] ?? process.env['USAGESTREAM_CONFIG'];
      const values = loadSettings(keys, {
        flags,
        env: process.env,
        file: typeof file === 'string' ? file : undefined,
      });
      using stop = untilSignal(process.env['USAGESTREAM_STOP_ON_STDIN_END'] === '1');
      const logger = createLogger({ level: values.logLevel, name: `usagestream-${spec.name}` });
      const json = flags['json'] === true;
      const { signal } = stop;
      try {
        finish(await spec.run(values, flags, { signal, json, logger, env: process.env }));
      } catch (fault) {
        if (!signal.aborted || fault !== signal.reason) throw fault;
        // It was told to stop, and has: no bug, and not done.
        console.error(`${spec.name}: stopped`);
        finish(1);
      }
    });
}

function flagsOf(s: Setting): Option[] {
  if (s.secret)
    return [new Option(`--${s.name}-file <file>`, `file with the ${s.what} (or the environment)`)];
  const shown = s.shown === undefined ? '' : ` (default: ${s.shown})`;
  const flag = `--${s.each ?? s.name} <${s.value ?? 'value'}>`;
  const option = new Option(flag, s.what + shown);
  if (s.each !== undefined) option.argParser<string[]>((part, before) => [...(before ?? []), part]);
  return [option];
}
