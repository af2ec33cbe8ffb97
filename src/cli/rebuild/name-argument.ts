import { AppError } from '../../platform/errors.ts';

/** The name that a command's first argument gives to something new. @throws CONFIG_INVALID */
export function nameArgument(own: Readonly<Record<string, unknown>>): string {
  const [name = ''] = own['args'] as string[];
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(name)) return name;
  throw new AppError('CONFIG_INVALID', { problems: [`name: 1 to 64 of A-Z a-z 0-9 _ . -`] });
}
