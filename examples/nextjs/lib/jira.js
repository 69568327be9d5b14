import { Client } from 'threelo';

const { env } = process;

const open = () =>
  new Client({
    clientId: env.THREELO_CLIENT_ID,
    clientSecret: env.THREELO_CLIENT_SECRET,
    redirectUri: env.THREELO_REDIRECT_URI,
    scopes: ['read:jira-work', 'read:jira-user'],
    store: env.THREELO_STORE ?? 'threelo.db',
    // Only for the sandbox.
    endpoints: Object.fromEntries((env.THREELO_ENDPOINTS?.split(',') ?? []).map((host) => host.split('='))),
  });

/**
 * The one client of this process: not made while Next.js builds, and kept when development loads modules anew. When
 * Next.js ends the process, threelo stores the rotations that are still under way.
 */
export const jira = () => (globalThis.threeloClient ??= open());
