import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { postJson } from '../../api/client.ts';
import { nextPath } from './next.ts';
import './signin.css';

const MIN_PASSWORD = 12;

/** A one-time link has no account behind it: this gives it one, so that the next visit needs no link. */
export function AccountPage() {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const next = nextPath(useSearch());
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const create = useMutation({
    mutationFn: () => postJson('/account', { username: username.trim(), password }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['me'] });
      navigate(next, { replace: true });
    },
  });
  useEffect(() => {
    document.title = 'Your account · Sundew';
  }, []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <main id="main" tabIndex={-1} className="splash below-header">
      <form className="signin card" onSubmit={submit} aria-labelledby="account-title">
        <h1 id="account-title">Choose a user name and password</h1>
        <p className="soft">You came in by a one-time link. With an account you can sign in again without one.</p>
        <label>
          User name
          <input
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
            type="password"
            autoComplete="new-password"
            required
            minLength={MIN_PASSWORD}
            aria-describedby="password-rule"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        <p id="password-rule" className="soft">
          At least {MIN_PASSWORD} characters; a few words do well.
        </p>
        <p className="form-error" role="alert">
          {create.error?.message}
        </p>
        <button type="submit" className="button primary" disabled={create.isPending}>
          {create.isPending ? 'Saving…' : 'Save'}
        </button>
        <Link href={next} className="button">
          Later
        </Link>
      </form>
    </main>
  );
}
