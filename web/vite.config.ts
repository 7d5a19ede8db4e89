import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `vite web` talks to a running manager, `vite web --mode sandbox` to the mock API in `dev/`. */
const MANAGER = 'http://127.0.0.1:8420';
const SANDBOX = 'http://127.0.0.1:8421';

export default defineConfig(({ mode }) => ({
  root: import.meta.dirname,
  base: '/',
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // Nothing inline: the manager's content security policy allows files of its own origin and nothing else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { port: 8422, proxy: { '/api': mode === 'sandbox' ? SANDBOX : MANAGER } },
}));
