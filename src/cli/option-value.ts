import type { z } from 'zod';
import { AppError } from '../platform/errors.ts';

/** Reads the value of a command's own flag, as settings are read. @throws CONFIG_INVALID with the flag's name */
export const optionValue =
  <T>(flag: string, schema: z.ZodType<T>) =>
  (text: string): T => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map(({ message }) => `${flag}: ${message}`);
    throw new AppError('CONFIG_INVALID', { problems });
  };
