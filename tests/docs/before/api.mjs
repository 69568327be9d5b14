// What stands before the parts of programs in docs/api.md: connections, a consent that came back, and a refresh token.
import { Sandbox } from 'threelo/testing';

const atlassian = new Sandbox();
const client = atlassian.client();
for (const id of ['user-1', 'user-42']) await atlassian.connect(client, id, { sites: ['zeta', 'acme'], site: 'acme' });
const browserSessionId = 'session';
const callbackUrl = await atlassian.consent((await client.connect('user-2', { binding: browserSessionId })).url);

async function tokensOfAnotherSystem() {
  const { clientId, clientSecret, redirectUri } = atlassian.options();
  const session = await client.connect('not-completed', { binding: null });
  const callback = await atlassian.consent(session.url, { account: 'grace', sites: ['acme'] });
  const code = new URL(callback).searchParams.get('code');
  const wanted = { grant_type: 'authorization_code', code, client_id: clientId, client_secret: clientSecret, redirect_uri: redirectUri };
  const asked = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(wanted) };
  return (await (await fetch(`${atlassian.url}/oauth/token`, asked)).json()).refresh_token;
}

const refreshToken = await tokensOfAnotherSystem();
