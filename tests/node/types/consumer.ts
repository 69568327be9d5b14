// What a user writes, for the compiler only: types.test.mjs compiles it as ESM and as CommonJS.
import {
  Client,
  type ClientOptions,
  type Connection,
  ConnectionNotFoundError,
  type Connections,
  type Event,
  type Paginator,
  type Response,
  ThreeloError,
} from 'threelo';

interface Issue {
  readonly key: string;
}

const options: ClientOptions = {
  clientId: 'id',
  clientSecret: 'secret',
  redirectUri: 'https://app.example.com/callback',
  scopes: ['read:jira-work'] as const,
  encryptionKey: [new Uint8Array(32), 'base64'],
  sitePolicy: 'ask',
  onEvent: async (event: Event) => console.log(event.kind, event.at.getTime(), event.details),
};

export async function use(signal: AbortSignal | undefined): Promise<string> {
  await using client = new Client(options);
  const session = await client.connect('user-42', { binding: null, site: 'acme', tags: { team: 'blue' }, metadata: { a: [1] } });
  const connection: Connection = await client.complete(session.url, { binding: 'browser', timeoutMs: 1000, signal });
  const choice: 'named' | 'consented' | 'first' | 'selected' | null = connection.siteChoice;
  const response: Response = await client.proxyRequest('user-42', 'POST', '/rest/api/3/issue', {
    params: { expand: ['names', 'schema'], max: 5, none: null },
    json: { fields: {} },
    headers: { 'x-own': 'yes' },
    retry: 'idempotent',
  });
  const asTheWebHasIt: typeof globalThis.fetch = client.fetch('user-42', { site: 'acme', retry: 'none' });
  await asTheWebHasIt('/rest/api/3/myself', { signal: signal ?? null });
  const { url, accessToken } = await client.authorize('user-42', '/rest/api/3/myself', { rejected: 'old' });
  console.log(url, accessToken.length);
  const issue = response.raiseForStatus().json<Issue>();
  const pages: Paginator<Issue> = client.paginate<Issue>('user-42', '/rest/api/3/search/jql', { limit: 5 });
  for await (const item of pages) console.log(item.key);
  for await (const page of pages.pages()) console.log(page.length, pages.cursor?.length);
  const all: Connections = client.connections({ tags: { team: 'blue' } });
  for await (const { id, site, createdAt } of all) console.log(id, site?.cloudId, createdAt.toISOString());
  await client.importConnection('user-43', { refreshToken: 't', expiresAt: new Date() });
  return `${issue.key} ${choice} ${response.headers.get('etag')} ${response.bytes().byteLength}`;
}

export function told(error: unknown): string {
  if (error instanceof ConnectionNotFoundError) {
    const code: 'connection_not_found' = error.code;
    return code;
  }
  return error instanceof ThreeloError ? `${error.hint} ${error.retryable} ${error.status?.toFixed()} ${error.context['sites']}` : '';
}

// @ts-expect-error the binding has no default
export const unbound = (client: Client) => client.connect('user-42', {});
// @ts-expect-error a misspelt option
export const misspelt = (client: Client) => client.refresh('user-42', { timeout: 5 });
// @ts-expect-error a value that is not offered
export const unknown = (client: Client) => client.proxyRequest('user-42', 'GET', '/', { retry: 'always' });
// @ts-expect-error records are read, not written
export const written = (connection: Connection) => (connection.id = 'other');
