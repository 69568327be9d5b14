// The package and the process it lives in: when it keeps it alive, how it lets it end, and worker threads.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { folder, run, Sandbox } from './support.mjs';

const sandbox = await Sandbox.start();

const ended = ({ code, signal, stdout, stderr }) => {
  assert.equal(signal, null, `it had to be killed: ${stdout}${stderr}`);
  return { code, stdout, stderr };
};

test('an idle client does not keep the process alive', async () => {
  const { code, stderr } = ended(await run('idle.mjs', [sandbox.options()]));
  assert.deepEqual([code, stderr], [0, '']);
});

test('a call in flight keeps the process alive until it is answered', async () => {
  const held = await sandbox.hold('/ex/jira/*');
  const onLine = async (line) => {
    if (line !== 'connected') return;
    await held.arrived();
    await held.release();
  };
  const { code, stdout } = ended(await run('in-flight.mjs', [sandbox.options(), sandbox.url], { onLine }));
  assert.deepEqual([code, stdout], [0, 'connected\n200\n']);
});

for (const [how, program, exitCode] of [
  ['end', 'rotation.mjs', 0],
  ['collected', 'rotation.mjs', 0],
  ['exit', 'rotation.mjs', 3],
  ['throw', 'rotation.mjs', 1],
  ['terminate', 'rotation-in-worker.mjs', 0],
]) {
  test(`a rotation in flight is stored before its thread is gone: ${how}`, async () => {
    const options = sandbox.options({ store: join(folder(), 'threelo.db'), encryptionKey: Buffer.alloc(32).toString('base64') });
    const client = sandbox.client(options);
    const { generation } = await sandbox.connect(client, `user-${how}`);
    const held = await sandbox.hold('/oauth/token', 'after');
    // Atlassian has rotated, its answer is on the way, and only then does the process end.
    const onLine = async (line, child) => {
      if (line === 'started') {
        await held.arrived();
        child.stdin.end();
      } else if (line === 'leaving') {
        await held.release();
      }
    };
    const { code, stderr } = ended(await run(program, [options, `user-${how}`, how], { onLine }));
    assert.equal(code, exitCode, stderr);
    assert.equal((await client.connection(`user-${how}`)).generation, generation + 1);
  });
}

test('workers can be ended while calls are in flight', async () => {
  const { code, stdout, stderr } = ended(await run('workers.mjs', [sandbox.options(), sandbox.url]));
  assert.deepEqual([code, stdout, stderr], [0, 'fine\n', '']);
});

test('the addon can be used in workers only', async () => {
  const { code, stdout, stderr } = ended(await run('only-workers.mjs', [sandbox.options(), sandbox.url]));
  assert.deepEqual([code, stdout, stderr], [0, 'fine\n', '']);
});
