import { existsSync } from 'node:fs';

/** Where Debian and others keep the library that MariaDB loads. */
const places = ['/usr/lib/galera/libgalera_smm.so', '/usr/lib64/galera-4/libgalera_smm.so'];

/** The library of Galera clusters on this machine. */
export const findGalera = (): string | undefined => places.find((path) => existsSync(path));
