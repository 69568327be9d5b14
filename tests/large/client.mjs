// One process that sends or fetches one large body, and tells how much it grew meanwhile: see client.py.

import { createHash } from 'node:crypto';
import { createReadStream, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'threelo';

const ATTACHMENTS = '/rest/api/3/issue/ACME-1/attachments';
const BLOCK = Buffer.alloc(1 << 20, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
// V8 takes some forty megabytes for the garbage of any stream, its own included, and keeps them: they are there before
// the measuring begins.
const FIRST = 48 << 20;
const { way, size, folder, options } = JSON.parse(process.argv[2]);

const kilobytes = (name) => Number(readFileSync('/proc/self/status', 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`))[1]);

function* content(left) {
  for (; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, left);
}

function file(length) {
  const path = join(folder, `${length}.bin`);
  const opened = openSync(path, 'w');
  for (const piece of content(length)) writeSync(opened, piece);
  return path;
}

async function hashOf(pieces) {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

function fetched(client, length) {
  return client.proxyRequest('user-42', 'GET', `/rest/api/3/attachment/content/${length}`, { stream: true });
}

async function sent(client, files) {
  const made = await client.proxyRequest('user-42', 'POST', ATTACHMENTS, { files });
  return made.raiseForStatus().json()[0].sha256;
}

function streamOf(length) {
  const pieces = content(length);
  return new ReadableStream({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

const WAYS = {
  fetch: async (client, length) => hashOf((await fetched(client, length)).raiseForStatus().body),
  async save(client, length) {
    const path = join(folder, 'saved');
    await (await fetched(client, length)).save(path);
    return hashOf(createReadStream(path));
  },
  upload_path: (client, length) => sent(client, file(length)),
  upload_file: (client, length) => sent(client, createReadStream(file(length))),
  upload_iterator: (client, length) => sent(client, content(length)),
  upload_stream: (client, length) => sent(client, streamOf(length)),
};

const client = new Client(options);
await WAYS[way](client, FIRST);
writeFileSync('/proc/self/clear_refs', '5');
const [baseline, since] = [kilobytes('VmRSS'), performance.now()];
const sha256 = await WAYS[way](client, size);
const grown = kilobytes('VmHWM') - baseline;
console.log(JSON.stringify({ sha256, grown_kb: grown, seconds: (performance.now() - since) / 1000 }));
await client.close();
