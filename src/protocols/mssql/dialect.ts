/** What differs on the wire between versions of TDS. */

export interface Dialect {
  /** The version that LOGINACK names. */
  version: number;
  /** Text is UTF-16; single bytes in 4.2. */
  wide: boolean;
  /** Line numbers of four bytes, row counts of eight, user types of four, ALL_HEADERS before requests: since 7.2. */
  tds72: boolean;
  /** Columns carry a collation: since 7.1. */
  collations: boolean;
}

/** The versions of LOGIN7 (MS-TDS §2.2.6.4), newest first, as SQL Server 2012 and later speak them. */
const VERSIONS = [0x7400_0004, 0x730b_0003, 0x730a_0003, 0x7209_0002, 0x7100_0001, 0x7100_0000, 0x7000_0000] as const;
const TDS_8 = 0x0800_0000;

export const TDS_42: Dialect = { version: 0x0402_0000, wide: false, tds72: false, collations: false };

/** The dialect for a client that asked for this version: that version, or the newest that is older. */
export function dialectOf(asked: number): Dialect {
  const version = asked === TDS_8 ? TDS_8 : (VERSIONS.find((known) => known <= asked) ?? 0x7000_0000);
  return {
    version,
    wide: true,
    tds72: version === TDS_8 || version >= 0x7209_0002,
    collations: version === TDS_8 || version >= 0x7100_0000,
  };
}

/** `7.4`, for records. */
export function versionName(asked: number): string {
  if (asked === TDS_8) return '8.0';
  const major = asked >>> 28;
  if (major === 7) {
    const minor = (asked >>> 24) & 0x0f;
    return minor === 3 ? (((asked >>> 16) & 0xff) >= 0x0b ? '7.3B' : '7.3A') : `7.${minor}`;
  }
  return asked === 0 ? '4.2' : `${asked >>> 24}.${(asked >>> 16) & 0xff}`;
}
