import { ConnectionNotFoundError, ReauthorizationRequiredError } from 'threelo';

import { binding, userOf } from '../lib/browser';
import { jira } from '../lib/jira';

async function newest(user) {
  const issues = [];
  const params = { jql: 'created >= -90d order by created DESC', fields: 'summary' };
  for await (const issue of jira().paginate(user, '/rest/api/3/search/jql', { params, limit: 10 })) issues.push(issue);
  return issues;
}

export default async function Home() {
  const user = userOf(await binding());
  let connection, issues;
  try {
    connection = await jira().connection(user);
    issues = await newest(user);
  } catch (error) {
    const again = error instanceof ReauthorizationRequiredError;
    if (!again && !(error instanceof ConnectionNotFoundError)) throw error;
    return (
      <main>
        <h1>Jira</h1>
        {again && <p>Jira asks for your consent again.</p>}
        {/* A link of its own: <Link> would fetch it ahead, and each fetch starts a consent. */}
        <a href="/connect">{again ? 'Connect again' : 'Connect your Jira'}</a>
      </main>
    );
  }
  return (
    <main>
      <h1>Newest issues of {connection.site?.name}</h1>
      <ul>
        {issues.map(({ id, key, fields }) => (
          <li key={id}>{`${key} ${fields.summary}`}</li>
        ))}
      </ul>
      <form method="post" action="/disconnect">
        <button>Disconnect</button>
      </form>
    </main>
  );
}
