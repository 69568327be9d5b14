// What stands before the parts of programs in docs/requests.md: a connection, and files to send.
import { createHash } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { Sandbox } from 'threelo/testing';

writeFileSync('report.pdf', '%PDF-1.7');
writeFileSync('notes.txt', 'notes');
const imageBytes = Buffer.from('PNG');
const checksum = createHash('sha256');

const atlassian = new Sandbox();
const client = atlassian.client();
await atlassian.connect(client, 'user-42', { sites: ['acme'] });
for (const files of ['report.pdf', 'notes.txt']) {
  (await client.proxyRequest('user-42', 'POST', '/rest/api/3/issue/ACME-1/attachments', { files })).raiseForStatus();
}
