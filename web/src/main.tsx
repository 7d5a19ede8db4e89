import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/client.ts';
import './styles/tokens.css';
import './styles/base.css';
import { App } from './App.tsx';
import { PreferencesProvider } from './theme/preferences.tsx';

const MAX_RETRIES = 2;

/** Only what may be different the next time is asked again: no answer at all, or a manager that is busy. */
function isPassing(error: Error): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
}

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      // The cookie ran out while a page was open: `me` is asked anew, and the app goes to the sign-in page.
      if (error instanceof ApiError && error.status === 401 && query.queryKey[0] !== 'me')
        void queries.resetQueries({ queryKey: ['me'] });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (failures, error) => failures < MAX_RETRIES && isPassing(error),
      refetchOnWindowFocus: true,
    },
  },
});

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <PreferencesProvider>
          <App />
        </PreferencesProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
