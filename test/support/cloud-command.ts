import type { CommandSpec } from '../../src/cli/command.ts';
import type { SettingKey } from '../../src/cli/settings.ts';
import { commandHere } from './command-here.ts';
import type { CommandResult } from './command-here.ts';
import type { EmbeddedCloud } from './embedded-cloud.ts';
import { servers } from './servers.ts';

export type Command = (args: readonly string[]) => Promise<CommandResult>;

/** A command with the addresses and names of a cloud for every setting that it takes. */
export const cloudCommand =
  <K extends SettingKey>(
    { pipeline: { names, partitions }, log }: Pick<EmbeddedCloud, 'pipeline' | 'log'>,
    spec: CommandSpec<K>,
    sink = servers().mariadbUrl,
  ): Command =>
  (args) => {
    const given: Readonly<Record<string, string>> = {
      ...{ prefix: names.prefix, schema: names.schema, log, partitions: String(partitions), sink },
      ...{ cloudSchema: names.cloudSchema, cloudUsageSchema: names.cloudUsageSchema },
    };
    const kebab = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const flags = spec.takes.flatMap((key) =>
      given[key] === undefined ? [] : [`--${kebab(key)}`, given[key]],
    );
    return commandHere(spec, [...flags, ...args]);
  };
