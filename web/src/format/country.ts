const NAMES = new Intl.DisplayNames('en-GB', { type: 'region', fallback: 'code' });

/** The name of an ISO 3166 code, or the code itself. */
export function countryName(code: string): string {
  return /^[A-Z]{2}$/.test(code) ? (NAMES.of(code) ?? code) : code;
}
