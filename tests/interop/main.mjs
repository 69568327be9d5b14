// Starts the authority and the adapter, says where they are in one line of JSON, and runs until its
// stdin closes or SIGTERM comes.

import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";

import { startAdapter } from "./adapter.mjs";
import { startAuthority } from "./authority.mjs";

const { values } = parseArgs({ options: { "access-token-ttl": { type: "string", default: "3600" } } });
const accessTokenTtl = Number(values["access-token-ttl"]);
if (!Number.isSafeInteger(accessTokenTtl) || accessTokenTtl < 1) {
  console.error("--access-token-ttl is a whole number of seconds, at least 1");
  process.exit(2);
}

console.info = console.error; // stdout carries the one line and nothing else

const client = {
  id: "interop-app",
  secret: randomBytes(24).toString("base64url"),
  redirectUri: "http://127.0.0.1:3000/callback", // nothing listens there; the little browser stops at it
};
const authority = await startAuthority({ client, accessTokenTtl });
const adapter = await startAdapter({ authority: authority.endpoints, client });

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  await Promise.all([adapter.close(), authority.close()]);
  process.exit(0);
}
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
process.stdin.once("end", stop).once("close", stop).once("error", stop).resume();

const line = JSON.stringify({
  url: adapter.url,
  client_id: client.id,
  client_secret: client.secret,
  redirect_uri: client.redirectUri,
  consent_account: "712020:5b0e3d4f-8c17-4a6b-9f21-3c7d8e9a0b12",
});
process.stdout.write(`${line}\n`);
