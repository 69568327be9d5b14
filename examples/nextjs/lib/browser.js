import { createHash, randomBytes } from 'node:crypto';

import { cookies } from 'next/headers';

/** What ties a consent to this browser, so that nobody can finish it in another one; empty before the first. */
export const binding = async () => (await cookies()).get('session')?.value ?? '';

/** The same, made where there is none: route handlers can set cookies, pages cannot. */
export async function makeBinding() {
  const value = (await binding()) || randomBytes(32).toString('base64url');
  // The cookie must come along when Atlassian's page leads back, which 'strict' would prevent.
  const secure = process.env.THREELO_REDIRECT_URI.startsWith('https:');
  (await cookies()).set('session', value, { httpOnly: true, sameSite: 'lax', secure, path: '/' });
  return value;
}

/** Who this is. With a login of your own: the id of your user. */
export const userOf = (session) => `user-${createHash('sha256').update(session).digest('hex').slice(0, 16)}`;
