import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { devTokens } from './dev-tokens.js';

export default defineConfig({
  plugins: [react(), devTokens()],
  server: {
    // The page and its events have one origin, as behind a proxy in production: examples/proxies.
    proxy: { '/graphql': { target: 'http://127.0.0.1:4000', ws: true } },
  },
});
