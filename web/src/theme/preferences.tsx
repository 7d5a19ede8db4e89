/** The viewer's own choices, kept in this browser: colours, and the zone that times are shown in. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import type { Zone } from '../format/time.ts';

export type Theme = 'system' | 'light' | 'dark';

interface Preferences {
  theme: Theme;
  setTheme(theme: Theme): void;
  zone: Zone;
  setZone(zone: Zone): void;
}

const THEME_KEY = 'sundew.theme';
const ZONE_KEY = 'sundew.zone';

const Context = createContext<Preferences>({ theme: 'system', setTheme() {}, zone: 'local', setZone() {} });

function load<Value extends string>(key: string, values: readonly Value[], fallback: Value): Value {
  try {
    const kept = localStorage.getItem(key);
    return values.find((value) => value === kept) ?? fallback;
  } catch {
    return fallback; // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

function save(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [theme, setTheme] = useState<Theme>(() => load<Theme>(THEME_KEY, ['system', 'light', 'dark'], 'system'));
  const [zone, setZone] = useState<Zone>(() => load<Zone>(ZONE_KEY, ['local', 'utc'], 'local'));
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    save(THEME_KEY, theme);
  }, [theme]);
  useEffect(() => save(ZONE_KEY, zone), [zone]);
  const value = useMemo(() => ({ theme, setTheme, zone, setZone }), [theme, zone]);
  return <Context value={value}>{children}</Context>;
}

export function usePreferences(): Preferences {
  return useContext(Context);
}
