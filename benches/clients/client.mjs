// The Node clients, each as its own documentation says to use it, driven as `drive.mjs` says.

import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { serve, task } from './drive.mjs';

const given = task();
const { url, headers, path, read, protocol } = given;
// The competitors, and threelo as it is to be measured, stand in folders of their own.
const modules = createRequire(join(process.env.BENCH_MODULES ?? process.cwd(), 'package.json'));
const h2 = protocol === 'h2';

async function drain(stream) {
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  return length;
}

const CLIENTS = {
  async threelo() {
    const { Client } = modules(process.env.THREELO_PACKAGE ?? 'threelo');
    let heard = 0;
    const client = new Client({
      clientId: 'bench',
      clientSecret: 'bench',
      redirectUri: 'http://localhost:3000/callback',
      scopes: ['read:jira-work'],
      store: 'memory:',
      endpoints: { auth: given.base, api: given.base },
      ...(given.ca ? { caBundle: given.ca } : {}),
      onEvent: () => void heard++,
    });
    await client.importConnection('user-42', {
      refreshToken: 'bench',
      accessToken: given.token,
      expiresAt: 4_000_000_000_000,
      site: 'acme',
    });
    const ask = () => client.proxyRequest('user-42', 'GET', path);
    return {
      text: async () => (await ask()).bytes(),
      json: async () => (await ask()).json(),
      stream: async () => drain((await client.proxyRequest('user-42', 'GET', path, { stream: true })).body),
      token: () => client.accessToken('user-42'),
    };
  },

  async undici() {
    const { Agent, request } = modules('undici');
    const dispatcher = new Agent({ connections: 256, allowH2: h2 });
    const ask = async () => (await request(url, { headers, dispatcher })).body;
    return {
      text: async () => (await ask()).arrayBuffer(),
      json: async () => (await ask()).json(),
      stream: async () => drain(await ask()),
    };
  },

  async fetch() {
    const ask = () => fetch(url, { headers });
    return {
      text: async () => (await ask()).arrayBuffer(),
      json: async () => (await ask()).json(),
      stream: async () => drain((await ask()).body),
    };
  },

  async axios() {
    const axios = modules('axios');
    const limits = { keepAlive: true, maxSockets: 256 };
    const agents = { httpAgent: new http.Agent(limits), httpsAgent: new https.Agent(limits) };
    const ask = async (responseType) => (await axios.get(url, { headers, responseType, ...agents })).data;
    return {
      text: () => ask('arraybuffer'),
      json: () => ask('json'),
      stream: async () => drain(await ask('stream')),
    };
  },
};

const call = (await CLIENTS[given.client]())[read];
await serve(call);
// Idle connections of some clients keep a process alive.
process.exit(0);
