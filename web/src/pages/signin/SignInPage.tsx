import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { getJson, postJson } from '../../api/client.ts';
import type { Me } from '../../api/types.ts';
import { Mark } from '../../components/Icon.tsx';
import { nextPath, takeToken } from './next.ts';
import './signin.css';

type Credentials = { token: string } | { username: string; password: string };

export function SignInPage() {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: async (credentials: Credentials) => {
      await postJson('/signin', credentials);
      return getJson<Me>('/me');
    },
    onSuccess: (me) => {
      const next = nextPath(window.location.search);
      queries.clear();
      queries.setQueryData(['me'], me);
      navigate(me.needs_password ? `/account?${new URLSearchParams({ next })}` : next, { replace: true });
    },
  });
  const { mutate } = signIn;
  useEffect(() => {
    document.title = 'Sign in · Sundew';
    const signInByLink = (): void => {
      const token = takeToken(window.location, window.history);
      if (token !== null) mutate({ token });
    };
    signInByLink();
    // A link pasted into this tab only changes what follows the `#`, and loads nothing.
    window.addEventListener('hashchange', signInByLink);
    return () => window.removeEventListener('hashchange', signInByLink);
  }, [mutate]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    mutate({ username, password });
  };
  return (
    <main className="splash" tabIndex={-1}>
      <form className="signin card" onSubmit={submit} aria-labelledby="signin-title">
        <div className="signin-head">
          <Mark size={34} />
          <h1 id="signin-title">Sign in to Sundew</h1>
        </div>
        <label>
          User name
          <input
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            value={username}
            onChange={(event) => setUsername(event.target.value)}
          />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        <p className="form-error" role="alert">
          {signIn.error?.message}
        </p>
        <button type="submit" className="button primary" disabled={signIn.isPending}>
          {signIn.isPending ? 'Signing in…' : 'Sign in'}
        </button>
        <p className="soft signin-note">The first time, open the one-time link that Sundew prints when it starts.</p>
      </form>
    </main>
  );
}
