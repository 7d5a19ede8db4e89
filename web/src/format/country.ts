const NAMES = new Intl.DisplayNames('en-GB', { type: 'region', fallback: 'code' });

/** What the API says of an address that the tables of places do not have. */
const UNKNOWN = 'unknown';

export const isCountryCode = (code: string): boolean => /^[A-Z]{2}$/.test(code);

/** The name of an ISO 3166 code, or the code itself. */
export function countryName(code: string): string {
  if (code === '' || code.toLowerCase() === UNKNOWN) return 'Unknown';
  return isCountryCode(code) ? (NAMES.of(code) ?? code) : code;
}
