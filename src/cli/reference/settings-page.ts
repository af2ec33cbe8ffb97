import { envName } from '../load-settings.ts';
import { settings } from '../settings.ts';
import type { Setting } from '../setting.ts';
import { code, page, plain, table } from './markdown.ts';

/** A command as `--help` knows it: its name and its long flags. */
export interface CommandFlags {
  readonly name: string;
  readonly flags: readonly string[];
}

/** docs/settings.md: every setting in its three forms, its default, and which commands take it. */
export function settingsPage(commands: readonly CommandFlags[]): string {
  const all: readonly Setting[] = Object.values(settings);
  const rows = all.map((s) => [
    code(flagOf(s)),
    s.secret
      ? `${code(envName(s.name))}, ${code(envName(`${s.name}-file`))}`
      : code(envName(s.name)),
    s.secret ? `${code(s.name)}, ${code(`${s.name}-file`)}` : code(s.name),
    defaultOf(s),
    plain(s.what),
    takers(s, commands),
  ]);
  return page('Settings', [
    'A flag wins over the environment, the environment over the YAML file (`--config FILE` or `USAGESTREAM_CONFIG`), the file over the default. All faults are listed at once, before anything is done.',
    'Durations are written `500ms`, `90s`, `15m`, `1h30m` or `2d`; times `2026-03-04T00:00:00Z`, in GMT when no zone is given. Secrets have no flag of their own: give them by environment, YAML file, or a file that holds nothing else.',
    table(['flag', 'environment', 'YAML key', 'default', 'meaning', 'commands'], rows),
    'Every command also takes `--json` (results as JSON lines on stdout) and `--help`. Exit codes: 0 done, 1 a fault, 2 wrong usage or settings.',
  ]);
}

const flagOf = (s: Setting): string =>
  s.secret ? `--${s.name}-file FILE` : `--${s.each ?? s.name} ${s.value ?? 'value'}`;

function defaultOf(s: Setting): string {
  if (s.shown !== undefined) return plain(s.shown);
  return s.schema.safeParse(undefined).success ? 'none' : 'must be given';
}

function takers(s: Setting, commands: readonly CommandFlags[]): string {
  const flag = `--${s.secret ? `${s.name}-file` : (s.each ?? s.name)}`;
  const names = commands.filter(({ flags }) => flags.includes(flag)).map(({ name }) => name);
  if (names.length === commands.length) return 'all';
  return names.length === 0 ? 'none yet' : names.join(', ');
}
