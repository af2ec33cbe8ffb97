import type { RowFinding } from './audit-rows.ts';

/** What `repair` does about a finding. */
export type RowAction =
  | { readonly kind: 'delete' | 'hide' }
  | { readonly kind: 'insert' | 'replace' }
  /** Nothing in the tables: money to be settled by an operator. */
  | { readonly kind: 'settle' }
  /** Told, and left as it is. */
  | { readonly kind: 'leave' };

export interface RepairRules {
  /** Hide charged surplus rows from listUsageRecords. */
  readonly hideCharged: boolean;
  /** Begin of the newest row of the account that quota has charged, GMT text; null: none. */
  readonly chargedFrom: string | null;
}

/**
 * What may be done about a finding. A charged row is never deleted or changed but for is_hidden, and no row
 * is added before one that quota has charged: it computes balances from the windows in order, and a late
 * row would forgive what was charged after it.
 *
 * @param windowStart Begin of the finding's window, GMT text.
 */
export function actionFor(
  finding: RowFinding,
  windowStart: string,
  { hideCharged, chargedFrom }: RepairRules,
): RowAction {
  if (isSurplus(finding)) {
    if (!finding.row.isCharged) return { kind: 'delete' };
    return { kind: hideCharged && !finding.row.isHidden ? 'hide' : 'settle' };
  }
  const isLate = chargedFrom !== null && chargedFrom >= windowStart;
  switch (finding.kind) {
    case 'differs':
      if (finding.row.isCharged) return { kind: 'settle' };
      // Where quota went on, a pending row of the past is as bad as one that is added.
      return { kind: isLate ? 'delete' : 'replace' };
    case 'missing':
      return { kind: isLate ? 'settle' : 'insert' };
    case 'unfounded':
    case 'vpn-clock':
      return { kind: 'leave' };
    default:
      return finding satisfies never;
  }
}

/** Part of a charge that has to be given back: numerator and denominator in the unit of the row. */
export interface Overcharge {
  readonly surplus: number;
  readonly of: number;
}

/** How much of a charged row is too much; null: nothing, or it is too little. */
export function overchargeOf(finding: RowFinding): Overcharge | null {
  if (finding.kind === 'differs') {
    if (!finding.row.isCharged) return null;
    const charged = Number(finding.row.cells.raw_usage);
    const surplus = charged - Number(finding.wanted.cells.raw_usage);
    return surplus > 0 ? { surplus, of: charged } : null;
  }
  return isSurplus(finding) && finding.row.isCharged ? { surplus: 1, of: 1 } : null;
}

/** Kinds of rows that should not be there. */
export const surplusKinds = ['duplicate', 'rerun', 'after-deletion', 'surplus'] as const;
type SurplusFinding = Extract<RowFinding, { readonly kind: (typeof surplusKinds)[number] }>;

/** A row that should not be there. */
export const isSurplus = (finding: RowFinding): finding is SurplusFinding =>
  surplusKinds.some((kind) => kind === finding.kind);

const places = 8;
const scale = 10n ** BigInt(places);
/** raw_usage has 24 significant bits; this many keep all of them. */
const parts = 1_000_000_000;

/** The share of an amount, rounded half up to quota's 8 decimals; in units of 1e-8. */
export function shareOf(amount: string, { surplus, of }: Overcharge): bigint {
  const units = parseAmount(amount);
  if (surplus >= of) return units;
  const share = BigInt(Math.round((surplus / of) * parts));
  return (units * share * 2n + BigInt(parts)) / (2n * BigInt(parts));
}

/** A decimal of up to 8 places as units of 1e-8. @throws RangeError when the text is none */
export function parseAmount(text: string): bigint {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d{1,8}))?$/.exec(text) ?? [];
  if (whole === undefined) throw new RangeError(`not an amount of quota: ${text}`);
  return BigInt(whole) * scale + BigInt(fraction.padEnd(places, '0'));
}

/** Units of 1e-8 as a decimal with 8 places. */
export const formatAmount = (units: bigint): string =>
  `${units / scale}.${String(units % scale).padStart(places, '0')}`;
