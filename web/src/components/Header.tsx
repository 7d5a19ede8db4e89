import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useLocation } from 'wouter';
import { postJson } from '../api/client.ts';
import { liveStream, type StreamState, useStreamState } from '../api/stream.ts';
import type { Me } from '../api/types.ts';
import { type Theme, usePreferences } from '../theme/preferences.tsx';
import { Icon, Mark } from './Icon.tsx';
import { Segmented } from './Segmented.tsx';
import './header.css';

const LIVE: Readonly<Record<StreamState, { label: string; hint: string }>> = {
  off: { label: 'Not live', hint: 'The live connection is closed' },
  connecting: { label: 'Connecting', hint: 'Opening the live connection' },
  live: { label: 'Live', hint: 'New sessions arrive as they are recorded' },
  lost: { label: 'Reconnecting', hint: 'The live connection was lost and is being opened again' },
};

const NEXT_THEME: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_ICON = { system: 'system', light: 'sun', dark: 'moon' } as const;

function LiveIndicator() {
  const state = useStreamState();
  return (
    <span className="live" data-state={state} title={LIVE[state].hint} role="status">
      <i aria-hidden="true" />
      <span className="live-label">{LIVE[state].label}</span>
    </span>
  );
}

function NavLink({ href, children, current }: { href: string; children: string; current: boolean }) {
  return (
    <Link href={href} className="nav-link" aria-current={current ? 'page' : undefined}>
      {children}
    </Link>
  );
}

function UserMenu({ me }: { me: Me }) {
  const { theme, setTheme, zone, setZone } = usePreferences();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const signOut = useMutation({
    mutationFn: () => postJson('/signout'),
    onSuccess: () => {
      liveStream.close();
      navigate('/signin');
      queries.clear();
    },
  });
  const name = me.username ?? 'One-time link';
  return (
    <>
      <button
        type="button"
        className="icon-button user-button"
        popoverTarget="user-menu"
        aria-label={`Menu of ${name}`}
      >
        <Icon name="user" size={18} />
      </button>
      <div id="user-menu" popover="auto" className="menu">
        <div className="menu-head">
          <b>{name}</b>
          <span className="soft">{me.role === 'admin' ? 'Administrator' : 'Analyst'}</span>
        </div>
        <div className="menu-row">
          <span>Times</span>
          <Segmented
            label="Show times in"
            value={zone}
            options={[
              { value: 'local', label: 'Local' },
              { value: 'utc', label: 'UTC' },
            ]}
            onChange={setZone}
          />
        </div>
        <div className="menu-row">
          <span>Colours</span>
          <Segmented
            label="Colours"
            value={theme}
            options={[
              { value: 'system', label: 'System' },
              { value: 'light', label: 'Light' },
              { value: 'dark', label: 'Dark' },
            ]}
            onChange={setTheme}
          />
        </div>
        {me.needs_password && (
          <Link href="/account" className="menu-item">
            Choose a user name and password
          </Link>
        )}
        <button type="button" className="menu-item" disabled={signOut.isPending} onClick={() => signOut.mutate()}>
          Sign out
        </button>
        {signOut.isError && (
          <p className="form-error" role="alert">
            {signOut.error.message}
          </p>
        )}
      </div>
    </>
  );
}

export function Header({ me }: { me: Me }) {
  const [path] = useLocation();
  const { theme, setTheme, zone, setZone } = usePreferences();
  return (
    <header className="header">
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <Link href="/" className="brand" aria-label="Sundew, overview">
        <Mark />
        <span className="brand-name">Sundew</span>
      </Link>
      <nav aria-label="Main">
        <NavLink href="/" current={path === '/'}>
          Overview
        </NavLink>
        <NavLink href="/sessions" current={path.startsWith('/sessions')}>
          Sessions
        </NavLink>
      </nav>
      <div className="header-end">
        <LiveIndicator />
        <button
          type="button"
          className="zone-button"
          title={`Times are in ${zone === 'utc' ? 'UTC' : 'your own zone'}; switch`}
          onClick={() => setZone(zone === 'utc' ? 'local' : 'utc')}
        >
          <span className="visually-hidden">Times: </span>
          {zone === 'utc' ? 'UTC' : 'Local'}
        </button>
        <button
          type="button"
          className="icon-button theme-button"
          aria-label={`Colours: ${theme}. Switch to ${NEXT_THEME[theme]}`}
          title={`Colours: ${theme}`}
          onClick={() => setTheme(NEXT_THEME[theme])}
        >
          <Icon name={THEME_ICON[theme]} size={18} />
        </button>
        <UserMenu me={me} />
      </div>
    </header>
  );
}
