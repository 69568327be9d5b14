// Proves the arrangement itself, without threelo: a plain fetch client walks through the adapter.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

import { SITES } from "./adapter.mjs";
import { consent } from "./consent.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const SCOPES = "read:jira-work read:jira-user read:me offline_access";

const DEAD_REFRESH_TOKEN = [403, { error: "unauthorized_client", error_description: "refresh_token is invalid" }];
const DEAD_CODE = [403, { error: "invalid_grant", error_description: "Invalid authorization code" }];
const WRONG_SECRET = [401, { error: "access_denied", error_description: "Unauthorized" }];
const DEAD_ACCESS_TOKEN = [401, { code: 401, message: "Unauthorized" }];

/** main.mjs as a child process, and a plain client of the URL it prints. */
class Rig {
  static async start(...args) {
    const rig = new Rig();
    rig.child = spawn(process.execPath, [here("main.mjs"), ...args], { stdio: ["pipe", "pipe", "pipe"] });
    rig.exited = once(rig.child, "exit");
    rig.lines = [];
    rig.stderr = "";
    rig.child.stderr.setEncoding("utf8").on("data", (chunk) => (rig.stderr += chunk));
    const lines = createInterface({ input: rig.child.stdout }).on("line", (line) => rig.lines.push(line));
    await Promise.race([
      once(lines, "line"),
      rig.exited.then(() => assert.fail(`main.mjs ended before it was ready:\n${rig.stderr}`)),
    ]);
    return Object.assign(rig, JSON.parse(rig.lines[0]));
  }

  authorizeUrl(more = {}) {
    return `${this.url}/authorize?${new URLSearchParams({
      audience: "api.atlassian.com",
      client_id: this.client_id,
      scope: SCOPES,
      redirect_uri: this.redirect_uri,
      state: "the-state",
      response_type: "code",
      prompt: "consent",
      ...more,
    })}`;
  }

  async token(fields) {
    const response = await fetch(`${this.url}/oauth/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client_id: this.client_id, client_secret: this.client_secret, ...fields }),
    });
    return [response.status, await response.json()];
  }

  exchange(callback, more = {}) {
    const code = new URL(callback).searchParams.get("code");
    return this.token({ grant_type: "authorization_code", code, redirect_uri: this.redirect_uri, ...more });
  }

  refresh(refreshToken, more = {}) {
    return this.token({ grant_type: "refresh_token", refresh_token: refreshToken, ...more });
  }

  /** A fresh consent by `login`, exchanged. */
  async connect(login = this.consent_account, more = {}) {
    const [status, tokens] = await this.exchange(await consent(this.authorizeUrl(more), { login }));
    assert.equal(status, 200);
    return tokens;
  }

  async get(path, accessToken) {
    const headers = accessToken ? { authorization: `Bearer ${accessToken}` } : {};
    const response = await fetch(this.url + path, { headers });
    return [response.status, await response.json(), response.headers];
  }

  async stop() {
    this.child.stdin.end();
    return (await this.exited)[0];
  }
}

const resources = "/oauth/token/accessible-resources";
const body = ([status, json]) => [status, json];

describe("the authority behind the adapter", () => {
  /** @type {Rig} */
  let rig;
  before(async () => (rig = await Rig.start()));
  after(async () => rig.stop());

  it("goes from consent to the sites, and rotates", async () => {
    const before = (await rig.get("/_adapter/counts"))[1];

    const callback = new URL(await consent(rig.authorizeUrl(), { login: rig.consent_account }));
    assert.equal(callback.origin + callback.pathname, rig.redirect_uri);
    assert.equal(callback.searchParams.get("state"), "the-state");

    const [status, first] = await rig.exchange(callback);
    assert.equal(status, 200);
    assert.equal(first.token_type, "Bearer");
    assert.equal(first.expires_in, 3600);
    assert.deepEqual(new Set(first.scope.split(" ")), new Set(SCOPES.split(" ")));
    assert.ok(first.access_token && first.refresh_token);
    assert.equal(first.id_token, undefined);

    const scopes = ["read:jira-work", "read:jira-user"];
    assert.deepEqual(
      body(await rig.get(resources, first.access_token)),
      [200, SITES.map((site) => ({ ...site, scopes }))],
    );

    const [again, second] = await rig.refresh(first.refresh_token);
    assert.equal(again, 200);
    assert.notEqual(second.refresh_token, first.refresh_token);
    assert.notEqual(second.access_token, first.access_token);
    assert.equal((await rig.get(resources, second.access_token))[0], 200);

    assert.deepEqual((await rig.get("/_adapter/counts"))[1], {
      authorization_code: before.authorization_code + 1,
      refresh_token: before.refresh_token + 1,
      other: before.other,
    });
  });

  it("kills the whole family when a spent refresh token comes back", async () => {
    const first = await rig.connect();
    const [, second] = await rig.refresh(first.refresh_token);
    const [, third] = await rig.refresh(second.refresh_token);
    assert.equal((await rig.get(resources, third.access_token))[0], 200);

    assert.deepEqual(await rig.refresh(first.refresh_token), DEAD_REFRESH_TOKEN);
    assert.deepEqual(await rig.refresh(third.refresh_token), DEAD_REFRESH_TOKEN);
    assert.deepEqual(body(await rig.get(resources, third.access_token)), DEAD_ACCESS_TOKEN);
  });

  it("leaves no live token when one refresh token is spent eight times at once", async () => {
    const { refresh_token } = await rig.connect();
    const answers = await Promise.all(Array.from({ length: 8 }, () => rig.refresh(refresh_token)));
    const won = answers.filter(([status]) => status === 200).map(([, tokens]) => tokens.refresh_token);
    assert.ok(won.length < 8);
    for (const token of [refresh_token, ...won]) {
      assert.deepEqual(await rig.refresh(token), DEAD_REFRESH_TOKEN);
    }
  });

  it("keeps the families of two consents apart", async () => {
    const [mine, other] = [await rig.connect(), await rig.connect("somebody-else")];
    await rig.refresh(mine.refresh_token);
    assert.deepEqual(await rig.refresh(mine.refresh_token), DEAD_REFRESH_TOKEN);
    assert.equal((await rig.refresh(other.refresh_token))[0], 200);
  });

  it("refuses a wrong secret as a fault of the app, and the token survives it", async () => {
    const { refresh_token } = await rig.connect();
    assert.deepEqual(await rig.refresh(refresh_token, { client_secret: "wrong" }), WRONG_SECRET);
    assert.deepEqual(await rig.refresh(refresh_token, { client_id: "unknown" }), WRONG_SECRET);
    assert.equal((await rig.refresh(refresh_token))[0], 200);
  });

  it("refuses a code that is made up, used, or sent with another redirect_uri", async () => {
    assert.deepEqual(await rig.exchange(`${rig.redirect_uri}?code=made-up`), DEAD_CODE);

    const login = rig.consent_account;
    const elsewhere = await consent(rig.authorizeUrl(), { login });
    assert.deepEqual(await rig.exchange(elsewhere, { redirect_uri: `${rig.redirect_uri}/other` }), DEAD_CODE);

    const callback = await consent(rig.authorizeUrl(), { login });
    const [, tokens] = await rig.exchange(callback);
    assert.deepEqual(await rig.exchange(callback), DEAD_CODE);
    assert.deepEqual(await rig.refresh(tokens.refresh_token), DEAD_REFRESH_TOKEN);
  });

  it("checks PKCE when a challenge was sent", async () => {
    const verifier = "v".repeat(43);
    const challenge = {
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    };
    const login = rig.consent_account;

    const right = await consent(rig.authorizeUrl(challenge), { login });
    assert.equal((await rig.exchange(right, { code_verifier: verifier }))[0], 200);
    const wrong = await consent(rig.authorizeUrl(challenge), { login });
    assert.deepEqual(await rig.exchange(wrong, { code_verifier: "w".repeat(43) }), DEAD_CODE);
    const missing = await consent(rig.authorizeUrl(challenge), { login });
    assert.deepEqual(await rig.exchange(missing), DEAD_CODE);
  });

  it("gives no refresh token unless offline_access is asked", async () => {
    const tokens = await rig.connect(undefined, { scope: "read:jira-work" });
    assert.equal(tokens.refresh_token, undefined);
    assert.equal((await rig.get(resources, tokens.access_token))[0], 200);
  });

  it("tells the account id wherever Atlassian does, each behind its scope", async () => {
    const { access_token } = await rig.connect("557058:someone");
    assert.equal((await rig.get("/me", access_token))[1].account_id, "557058:someone");
    for (const { id } of SITES) {
      const [status, person] = await rig.get(`/ex/jira/${id}/rest/api/3/myself`, access_token);
      assert.deepEqual([status, person.accountId], [200, "557058:someone"]);
    }
    assert.equal((await rig.get("/ex/jira/unknown/rest/api/3/myself", access_token))[0], 404);

    const narrow = (await rig.connect(undefined, { scope: "read:jira-work offline_access" })).access_token;
    for (const path of ["/me", `/ex/jira/${SITES[0].id}/rest/api/3/myself`]) {
      const [status, refusal, headers] = await rig.get(path, narrow);
      assert.deepEqual([status, refusal], [401, { code: 401, message: "Unauthorized; scope does not match" }]);
      assert.equal(headers.get("x-failure-category"), "FAILURE_CLIENT_SCOPE_CHECK");
    }
  });

  it("lists no sites for a token without a product scope", async () => {
    const { access_token } = await rig.connect(undefined, { scope: "read:me offline_access" });
    assert.deepEqual(body(await rig.get(resources, access_token)), [200, []]);
  });

  it("takes only a live access token for a bearer", async () => {
    const { refresh_token } = await rig.connect();
    for (const bearer of [undefined, "made-up", refresh_token]) {
      assert.deepEqual(body(await rig.get(resources, bearer)), DEAD_ACCESS_TOKEN);
    }
  });

  it("returns a decline to the callback", async () => {
    const callback = new URL(await consent(rig.authorizeUrl(), { login: "anyone", decline: true }));
    assert.equal(callback.origin + callback.pathname, rig.redirect_uri);
    assert.equal(callback.searchParams.get("error"), "access_denied");
    assert.equal(callback.searchParams.get("state"), "the-state");
    assert.equal(callback.searchParams.get("code"), null);
  });

  it("shows a page, and does not redirect, for a callback that is not registered", async () => {
    const foreign = rig.authorizeUrl({ redirect_uri: "http://127.0.0.1:3001/callback" });
    await assert.rejects(consent(foreign, { login: "anyone" }), /error page \(400\)/);
  });

  it("insists on JSON at the token endpoint", async () => {
    const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: "any" });
    const response = await fetch(`${rig.url}/oauth/token`, { method: "POST", body: form });
    assert.equal(response.status, 400);
  });

  it("has a consent command for tests in other languages", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      here("consent.mjs"),
      rig.authorizeUrl(),
      rig.consent_account,
    ]);
    assert.equal((await rig.exchange(stdout.trim()))[0], 200);
  });
});

describe("the process", () => {
  it("prints one line, forgets access tokens at their time, and ends with its stdin", async (t) => {
    const rig = await Rig.start("--access-token-ttl", "6");
    t.after(() => rig.stop()); // a child left behind would keep the test runner waiting
    const first = await rig.connect();
    assert.equal(first.expires_in, 6);
    await sleep(7100);
    assert.deepEqual(body(await rig.get(resources, first.access_token)), DEAD_ACCESS_TOKEN);
    const [, second] = await rig.refresh(first.refresh_token);
    assert.equal((await rig.get(resources, second.access_token))[0], 200);

    assert.equal(await rig.stop(), 0);
    assert.equal(rig.lines.length, 1);
    assert.deepEqual(Object.keys(JSON.parse(rig.lines[0])), [
      "url",
      "client_id",
      "client_secret",
      "redirect_uri",
      "consent_account",
    ]);
  });

  it("ends on SIGTERM", async (t) => {
    const rig = await Rig.start();
    t.after(() => rig.stop());
    rig.child.kill("SIGTERM");
    assert.deepEqual(await rig.exited, [0, null]);
  });
});
