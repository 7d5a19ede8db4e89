import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import { type Filter, type Preset, parseScope, type Scope, scopeSearch, withFilter } from './filters.ts';

export const OVERVIEW_PRESET: Preset = '24h';
export const SESSIONS_PRESET: Preset = 'all';

/** The scope of the page, kept in its address. */
export function useScope(defaultPreset: Preset): [Scope, (scope: Scope) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const scope = useMemo(() => parseScope(search, defaultPreset), [search, defaultPreset]);
  const setScope = useCallback(
    (next: Scope) => navigate(path + scopeSearch(next, defaultPreset)),
    [navigate, path, defaultPreset],
  );
  return [scope, setScope];
}

/** The address of the sessions of a scope, narrowed by one more filter. */
export function sessionsHref(scope: Scope, filter: Filter | null): string {
  return `/sessions${scopeSearch(filter === null ? scope : withFilter(scope, filter), SESSIONS_PRESET)}`;
}

export function overviewHref(scope: Scope): string {
  return `/${scopeSearch(scope, OVERVIEW_PRESET)}`;
}
