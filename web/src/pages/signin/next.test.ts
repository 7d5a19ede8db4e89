import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextPath, signInHref } from './next.ts';

test('after signing in the viewer is back where they were', () => {
  const href = signInHref({ pathname: '/sessions', search: '?country!=CN&username=%D0%B0' });
  assert.equal(nextPath(href.slice(href.indexOf('?'))), '/sessions?country!=CN&username=%D0%B0');
  assert.equal(signInHref({ pathname: '/', search: '' }), '/signin');
});

test('a crafted link never leads to another site', () => {
  for (const next of [
    '//evil.test',
    '/\\evil.test',
    'https://evil.test',
    '/\t/evil.test',
    'javascript:alert(1)',
    '',
    '/signin',
  ])
    assert.equal(nextPath(`?${new URLSearchParams({ next })}`), '/', JSON.stringify(next));
});
