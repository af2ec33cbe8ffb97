import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { AppError } from '../platform/errors.ts';
import { settings } from './settings.ts';
import type { Setting } from './setting.ts';
import type { SettingKey, SettingValues } from './settings.ts';

export interface SettingSources {
  /** Flags by camelCase name, as commander gives them. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of the YAML file, if any. */
  readonly file: string | undefined;
}

/**
 * Settings of a command: flag, else environment, else YAML file, else default.
 * A secret may also come from the file that `<name>-file` (flag, environment or YAML) names.
 *
 * @throws CONFIG_INVALID with every problem listed at once.
 */
export function loadSettings<K extends SettingKey>(
  keys: readonly K[],
  sources: SettingSources,
): Pick<SettingValues, K> {
  const problems: string[] = [];
  const yaml = readYaml(sources.file, problems);
  const known = new Set(Object.values(settings).flatMap((s) => [s.name, `${s.name}-file`]));
  for (const name of Object.keys(yaml))
    if (!known.has(name)) problems.push(`${sources.file}: unknown setting ${name}`);
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const key of keys) {
    const s: Setting = settings[key];
    const raw = lookUp(s, key, sources, yaml, problems);
    const parsed = s.schema.safeParse(raw);
    if (parsed.success) values[key] = parsed.data;
    else
      problems.push(
        raw === undefined
          ? `--${s.name} (or ${envName(s.name)}) is needed: ${s.what}`
          : `--${s.each ?? s.name}: ${parsed.error.issues.map((i) => i.message).join('; ')}`,
      );
  }
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', { problems });
  return values as Pick<SettingValues, K>;
}

export const envName = (name: string): string =>
  `USAGESTREAM_${name.toUpperCase().replaceAll('-', '_')}`;

function lookUp(
  s: Setting,
  key: string,
  sources: SettingSources,
  yaml: Readonly<Record<string, unknown>>,
  problems: string[],
): unknown {
  const direct = sources.flags[s.each ?? key] ?? sources.env[envName(s.name)] ?? yaml[s.name];
  if (direct !== undefined || !s.secret) return direct;
  const path =
    sources.flags[`${key}File`] ?? sources.env[envName(`${s.name}-file`)] ?? yaml[`${s.name}-file`];
  if (typeof path !== 'string') return undefined;
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    problems.push(`${s.name}-file: ${cause instanceof Error ? cause.message : 'not readable'}`);
    return undefined;
  }
}

function readYaml(path: string | undefined, problems: string[]): Record<string, unknown> {
  if (path === undefined) return {};
  try {
    const text = readFileSync(path, 'utf8');
    const document = parseDocument(text, { prettyErrors: true, logLevel: 'silent' });
    // Code and place only: the messages quote the file, which may hold passwords. A warning counts too:
    // a value that begins with `!` is read as a tag and lost.
    for (const { code, linePos } of [...document.errors, ...document.warnings])
      problems.push(
        `${path}, line ${linePos?.[0].line ?? '?'}: not YAML (${code}); quote values with special characters`,
      );
    if (document.errors.length > 0) return {};
    const content = toContent(document);
    if (content === undefined)
      problems.push(`${path}: an alias (*name) without its anchor; quote values with *`);
    else if (content === null) return {};
    else if (typeof content === 'object' && !Array.isArray(content))
      return content as Record<string, unknown>;
    else problems.push(`${path}: not a map of settings`);
  } catch (cause) {
    problems.push(`${path}: ${cause instanceof Error ? cause.message : 'not readable'}`);
  }
  return {};
}

/** undefined when an alias cannot be resolved: that error would quote it. */
function toContent(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS() ?? null;
  } catch {
    return undefined;
  }
}
