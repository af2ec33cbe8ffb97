/**
 * A MariaDB GTID position: the last transaction of each replication domain, `domain-server-sequence`.
 * Later transactions of a domain replace earlier ones whatever their numbers: after a fail-over a
 * sequence may run backwards.
 *
 * @see https://mariadb.com/kb/en/gtid/
 */
export class GtidPosition {
  readonly #domains = new Map<string, string>();

  constructor(text: string | null) {
    for (const gtid of (text ?? '').split(',')) if (gtid.trim() !== '') this.add(gtid.trim());
  }

  add(gtid: string): void {
    this.#domains.set(gtid.slice(0, gtid.indexOf('-')), gtid);
  }

  toString(): string {
    if (this.#domains.size === 1) for (const gtid of this.#domains.values()) return gtid;
    return [...this.#domains.values()].sort(byDomain).join(',');
  }
}

const byDomain = (a: string, b: string): number => Number.parseInt(a) - Number.parseInt(b);
