import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { addCommand } from '../../src/cli/command.ts';
import type { CommandSpec } from '../../src/cli/command.ts';
import type { SettingKey } from '../../src/cli/settings.ts';
import { isAppError } from '../../src/platform/errors.ts';

export interface CommandResult {
  /** The catalogue's code; null: it was not refused. */
  readonly code: string | null;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly status: number | null;
  readonly stdout: string;
}

/** Runs a command in this process, by its own flags: for tests of many runs. */
export async function commandHere<K extends SettingKey>(
  spec: CommandSpec<K>,
  args: readonly string[],
): Promise<CommandResult> {
  let status: number | null = null;
  const lines: string[] = [];
  const say = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
  const program = new Command('usagestream').exitOverride();
  addCommand(program, spec, (code) => (status = code));
  try {
    await program.parseAsync([spec.name, ...args, '--log-level', 'silent'], { from: 'user' });
    return { code: null, facts: {}, status, stdout: lines.join('\n') };
  } catch (error) {
    if (error instanceof CommanderError) throw new Error(error.message, { cause: error });
    if (!isAppError(error)) throw error;
    return { code: error.code, facts: error.facts, status, stdout: lines.join('\n') };
  } finally {
    say.mockRestore();
  }
}
