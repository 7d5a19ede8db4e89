import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { ApiError } from './api/client.ts';
import { useMe } from './api/queries.ts';
import { liveStream } from './api/stream.ts';
import { Header } from './components/Header.tsx';
import { Mark } from './components/Icon.tsx';
import { EmptyState, ErrorState } from './components/states.tsx';
import { OverviewPage } from './pages/overview/OverviewPage.tsx';
import { SessionPage } from './pages/session/SessionPage.tsx';
import { SessionsPage } from './pages/sessions/SessionsPage.tsx';
import { AccountPage } from './pages/signin/AccountPage.tsx';
import { signInHref } from './pages/signin/next.ts';
import { SignInPage } from './pages/signin/SignInPage.tsx';

/** After a change of page, the keyboard and screen readers start at its content, and the view at its top. */
function usePageFocus(path: string): void {
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    document.querySelector<HTMLElement>(path === '/signin' ? 'main' : '#main')?.focus({ preventScroll: true });
  }, [path]);
}

function NotFound() {
  return (
    <main id="main" tabIndex={-1} className="page">
      <h1 className="visually-hidden">Not found</h1>
      <EmptyState title="There is no such page">
        <Link href="/">Go to the overview</Link>
      </EmptyState>
    </main>
  );
}

function SignedIn() {
  const me = useMe();
  const queries = useQueryClient();
  const [path] = useLocation();
  const signedOut = me.error instanceof ApiError && me.error.status === 401;
  useEffect(() => {
    if (signedOut) liveStream.close();
  }, [signedOut]);
  const signedIn = me.data !== undefined && !signedOut;
  useEffect(() => {
    // A page with filters of its own has opened the stream already; the others only show that it is there.
    if (signedIn && liveStream.state === 'off') liveStream.open(new URLSearchParams());
  }, [signedIn]);
  if (signedOut) return <Redirect to={signInHref(window.location)} replace />;
  if (me.data === undefined) {
    return (
      <main className="splash">
        {me.error === null ? (
          <span role="status">
            <Mark size={40} />
            <span className="visually-hidden">Loading</span>
          </span>
        ) : (
          <ErrorState error={me.error} onRetry={() => void queries.invalidateQueries({ queryKey: ['me'] })} />
        )}
      </main>
    );
  }
  return (
    <>
      <Header me={me.data} />
      <Switch>
        <Route path="/">
          <OverviewPage />
        </Route>
        <Route path="/sessions">
          <SessionsPage />
        </Route>
        <Route path="/sessions/:id">{({ id }) => <SessionPage key={id} id={id} />}</Route>
        <Route path="/account">
          <AccountPage />
        </Route>
        <Route key={path}>
          <NotFound />
        </Route>
      </Switch>
    </>
  );
}

export function App() {
  const [path] = useLocation();
  usePageFocus(path);
  return path === '/signin' ? <SignInPage /> : <SignedIn />;
}
