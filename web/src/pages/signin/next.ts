/** Where to go after signing in: only ever a path of this dashboard, so that a crafted link leads nowhere else. */

const PARAM = 'next';

export function signInHref(location: { pathname: string; search: string }): string {
  const path = location.pathname + location.search;
  return path === '/' ? '/signin' : `/signin?${new URLSearchParams({ [PARAM]: path })}`;
}

export function nextPath(search: string): string {
  const next = new URLSearchParams(search).get(PARAM) ?? '/';
  // `//host`, `/\host` and control characters, which browsers drop, would leave this origin.
  const isOurs = /^\/(?![/\\])[\x21-\x7e]*$/.test(next) && !next.includes('\\');
  return isOurs && !next.startsWith('/signin') ? next : '/';
}

/** Takes the one-time token out of the address: it is used once and must not stay in the history. */
export function takeToken(
  location: { hash: string; pathname: string; search: string },
  history: History,
): string | null {
  const token = new URLSearchParams(location.hash.replace(/^#/, '')).get('token');
  if (token === null || token === '') return null;
  history.replaceState(null, '', location.pathname + location.search);
  return token;
}
