// What stands before the parts of programs in docs/clients.md: a connection, and an issue to make.
import { Sandbox } from 'threelo/testing';

const issue = { fields: { project: { key: 'ACME' }, summary: 'made', issuetype: { name: 'Task' } } };
const atlassian = new Sandbox();
const client = atlassian.client();
await atlassian.connect(client, 'user-42', { sites: ['acme'] });
