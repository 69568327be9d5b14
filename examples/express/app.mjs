// Users connect their Jira and see their newest issues: Express.

import { randomBytes } from 'node:crypto';

import session from 'cookie-session';
import express from 'express';
import { Client, ConnectionNotFoundError, ReauthorizationRequiredError, ThreeloError } from 'threelo';

const { THREELO_CLIENT_ID, THREELO_CLIENT_SECRET, THREELO_REDIRECT_URI, SESSION_SECRET, PORT = '3000' } = process.env;
if (!SESSION_SECRET) throw new Error('SESSION_SECRET is not set');

const jira = new Client({
  clientId: THREELO_CLIENT_ID,
  clientSecret: THREELO_CLIENT_SECRET,
  redirectUri: THREELO_REDIRECT_URI,
  scopes: ['read:jira-work', 'read:jira-user'],
  store: process.env.THREELO_STORE ?? 'threelo.db',
  // Only for the sandbox.
  endpoints: Object.fromEntries((process.env.THREELO_ENDPOINTS?.split(',') ?? []).map((host) => host.split('='))),
});

const app = express();
app.disable('x-powered-by');
// The cookie must come along when Atlassian's page leads back, which 'strict' would prevent.
const secure = THREELO_REDIRECT_URI.startsWith('https:');
app.use(session({ name: 'session', keys: [SESSION_SECRET], httpOnly: true, sameSite: 'lax', secure }));

/** Who this is. With a login of your own: the id of your user. */
const userOf = (request) => (request.session.user ??= `user-${randomBytes(8).toString('hex')}`);

const escape = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.codePointAt(0)};`);
const page = (body) => `<!doctype html><html lang="en"><title>Jira</title><body>${body}</body></html>`;

app.get('/', async (request, response) => {
  const user = userOf(request);
  const items = [];
  let connection;
  try {
    connection = await jira.connection(user);
    const params = { jql: 'created >= -90d order by created DESC', fields: 'summary' };
    for await (const issue of jira.paginate(user, '/rest/api/3/search/jql', { params, limit: 10 })) {
      items.push(`<li>${escape(issue.key)} ${escape(issue.fields.summary)}`);
    }
  } catch (error) {
    const again = error instanceof ReauthorizationRequiredError;
    if (!again && !(error instanceof ConnectionNotFoundError)) throw error;
    const text = again ? '<p>Jira asks for your consent again.</p>' : '';
    return response.send(page(`<h1>Jira</h1>${text}<a href="/connect">${again ? 'Connect again' : 'Connect your Jira'}</a>`));
  }
  const form = '<form method="post" action="/disconnect"><button>Disconnect</button></form>';
  return response.send(page(`<h1>Newest issues of ${escape(connection.site?.name ?? '')}</h1><ul>${items.join('')}</ul>${form}`));
});

app.get('/connect', async (request, response) => {
  // Ties the consent to this browser: nobody can finish it in another one.
  const binding = (request.session.binding ??= randomBytes(32).toString('base64url'));
  const { url } = await jira.connect(userOf(request), { binding });
  response.redirect(303, url);
});

app.get('/callback', async (request, response) => {
  const url = new URL(request.originalUrl, THREELO_REDIRECT_URI);
  await jira.complete(url.href, { binding: request.session.binding ?? '' });
  response.redirect(303, '/');
});

app.post('/disconnect', async (request, response) => {
  await jira.disconnect(userOf(request));
  response.redirect(303, '/');
});

const STATUS = { state_invalid: 400, authorization_denied: 403, connection_not_found: 404 };

app.use((error, request, response, next) => {
  if (!(error instanceof ThreeloError)) return next(error);
  const status = STATUS[error.code] ?? (error.retryable ? 503 : 502);
  return response.status(status).send(page(`<h1>That did not work</h1><p>${escape(error.message)}</p><a href="/">Back</a>`));
});

const server = app.listen(Number(PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  // First the requests under way, then the client: it finishes and stores rotations that are still going on.
  server.close(() => void jira.close());
  server.closeIdleConnections();
});
