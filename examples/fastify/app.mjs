// Users connect their Jira and see their newest issues: Fastify.

import { randomBytes } from 'node:crypto';

import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import session from '@fastify/session';
import Fastify from 'fastify';
import { Client, ConnectionNotFoundError, ReauthorizationRequiredError, ThreeloError } from 'threelo';

const { THREELO_CLIENT_ID, THREELO_CLIENT_SECRET, THREELO_REDIRECT_URI, SESSION_SECRET, PORT = '3000' } = process.env;

const jira = new Client({
  clientId: THREELO_CLIENT_ID,
  clientSecret: THREELO_CLIENT_SECRET,
  redirectUri: THREELO_REDIRECT_URI,
  scopes: ['read:jira-work', 'read:jira-user'],
  store: process.env.THREELO_STORE ?? 'threelo.db',
  // Only for the sandbox.
  endpoints: Object.fromEntries((process.env.THREELO_ENDPOINTS?.split(',') ?? []).map((host) => host.split('='))),
});

const app = Fastify();
await app.register(formbody);
await app.register(cookie);
// The cookie must come along when Atlassian's page leads back, which 'strict' would prevent.
const secure = THREELO_REDIRECT_URI.startsWith('https:');
await app.register(session, { secret: SESSION_SECRET, cookie: { httpOnly: true, sameSite: 'lax', secure } });
// Runs after the last request: rotations that are still going on are finished and stored.
app.addHook('onClose', () => jira.close());

/** Who this is. With a login of your own: the id of your user. */
const userOf = (request) => (request.session.user ??= `user-${randomBytes(8).toString('hex')}`);

const escape = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.codePointAt(0)};`);
const send = (reply, body) =>
  reply.type('text/html; charset=utf-8').send(`<!doctype html><html lang="en"><title>Jira</title><body>${body}</body></html>`);

app.get('/', async (request, reply) => {
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
    return send(reply, `<h1>Jira</h1>${text}<a href="/connect">${again ? 'Connect again' : 'Connect your Jira'}</a>`);
  }
  const form = '<form method="post" action="/disconnect"><button>Disconnect</button></form>';
  return send(reply, `<h1>Newest issues of ${escape(connection.site?.name ?? '')}</h1><ul>${items.join('')}</ul>${form}`);
});

app.get('/connect', async (request, reply) => {
  // Ties the consent to this browser: nobody can finish it in another one.
  const binding = (request.session.binding ??= randomBytes(32).toString('base64url'));
  const { url } = await jira.connect(userOf(request), { binding });
  return reply.redirect(url, 303);
});

app.get('/callback', async (request, reply) => {
  const url = new URL(request.url, THREELO_REDIRECT_URI);
  await jira.complete(url.href, { binding: request.session.binding ?? '' });
  return reply.redirect('/', 303);
});

app.post('/disconnect', async (request, reply) => {
  await jira.disconnect(userOf(request));
  return reply.redirect('/', 303);
});

const STATUS = { state_invalid: 400, authorization_denied: 403, connection_not_found: 404 };

app.setErrorHandler((error, request, reply) => {
  if (!(error instanceof ThreeloError)) throw error;
  reply.code(STATUS[error.code] ?? (error.retryable ? 503 : 502));
  return send(reply, `<h1>That did not work</h1><p>${escape(error.message)}</p><a href="/">Back</a>`);
});

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
process.once('SIGTERM', () => void app.close());
