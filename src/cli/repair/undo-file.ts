import { createReadStream } from 'node:fs';
import { access, constants, open, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AppError } from '../../platform/errors.ts';

/**
 * SQL that takes a repair back. It has two parts, since a row that is restored may need the unique key of
 * one that was added: first everything that was added or changed is removed, then what was there is put
 * back under its old ids. It is complete and on disk before the repair commits.
 */
export class UndoFile {
  readonly path: string;
  readonly #removals: FileHandle;
  readonly #restores: FileHandle;
  #isEmpty = true;

  private constructor(path: string, removals: FileHandle, restores: FileHandle) {
    this.path = path;
    this.#removals = removals;
    this.#restores = restores;
  }

  /** @throws CONFIG_INVALID when the file exists already, or cannot be made */
  static async create(path: string, schema: string): Promise<UndoFile> {
    const make = (name: string) => orInvalid(open(name, 'wx', 0o600));
    const removals = await make(path);
    const restores = await make(restoresOf(path)).catch(async (error: unknown) => {
      await removals.close();
      await rm(path, { force: true });
      throw error;
    });
    const undo = new UndoFile(path, removals, restores);
    await removals.write(
      [
        `-- Takes back a repair of ${schema.replaceAll(/[\r\n]/g, ' ')} by usagestream: run it whole, with the usage server stopped,`,
        '-- and before quota has charged anything of what the repair added.',
        "SET NAMES utf8mb4; SET time_zone = '+00:00'; SET sql_mode = 'STRICT_TRANS_TABLES';",
        'START TRANSACTION;',
        '',
      ].join('\n'),
    );
    return undo;
  }

  /** True while nothing has to be undone. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  async remove(statement: string): Promise<void> {
    this.#isEmpty = false;
    await this.#removals.write(`${statement};\n`);
  }

  async restore(statement: string): Promise<void> {
    this.#isEmpty = false;
    await this.#restores.write(`${statement};\n`);
  }

  /** Puts the parts together and sees them on disk. */
  async finish(): Promise<void> {
    await this.#restores.close();
    for await (const chunk of createReadStream(restoresOf(this.path)))
      await this.#removals.appendFile(chunk as Buffer);
    await rm(restoresOf(this.path));
    await this.#removals.appendFile('COMMIT;\n');
    await this.#removals.sync();
    await this.#removals.close();
  }

  /** For a repair that did not happen, or changed nothing. */
  async discard(): Promise<void> {
    for (const handle of [this.#removals, this.#restores]) await handle.close().catch(() => {});
    await rm(this.path, { force: true });
    await rm(restoresOf(this.path), { force: true });
  }
}

/** Looks only: what {@link UndoFile.create} would refuse. @throws CONFIG_INVALID */
export async function refuseUndoFile(path: string): Promise<void> {
  for (const name of [path, restoresOf(path)])
    if (await stat(name).catch(() => null))
      throw new AppError('CONFIG_INVALID', {
        problems: [`undo file: EEXIST: file already exists, open '${name}'`],
      });
  await orInvalid(access(dirname(resolve(path)), constants.W_OK));
}

async function orInvalid<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : 'cannot be written';
    throw new AppError('CONFIG_INVALID', { problems: [`undo file: ${problem}`] }, cause);
  }
}

const restoresOf = (path: string): string => `${path}.part`;
