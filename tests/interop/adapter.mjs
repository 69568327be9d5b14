// Atlassian's face on the foreign authority. It translates shapes and adds the sites; it keeps no
// token and judges none. Whether a token is alive, and whose it is, only the authority says.

import { text } from "node:stream/consumers";

import { close, listen } from "./listen.mjs";

/** What /oauth/token/accessible-resources lists, beside the scopes. */
export const SITES = [
  {
    id: "5f0c1b7e-2a4d-4c53-9d0e-6a1f3b8c7d21",
    name: "acme",
    url: "https://acme.atlassian.net",
    avatarUrl: "https://acme.atlassian.net/avatar.png",
  },
  {
    id: "c84e9a16-73b2-4f0a-8e5d-1d92f6a0b35c",
    name: "globex",
    url: "https://globex.atlassian.net",
    avatarUrl: "https://globex.atlassian.net/avatar.png",
  },
];

/** Scopes that belong to the account and not to a site. */
const ACCOUNT_SCOPES = new Set(["offline_access", "read:me", "read:account"]);

const UNAUTHORIZED = json(401, { code: 401, message: "Unauthorized" });
const SCOPE_MISMATCH = json(
  401,
  { code: 401, message: "Unauthorized; scope does not match" },
  { "x-failure-category": "FAILURE_CLIENT_SCOPE_CHECK" },
);

/**
 * Starts the adapter on a free loopback port.
 *
 * @param {{ authority: Record<"authorize" | "token" | "introspect", string>, client: { id: string, secret: string } }} options
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function startAdapter({ authority, client }) {
  const counts = { authorization_code: 0, refresh_token: 0, other: 0 };

  const routes = {
    "GET /authorize": (url) => authorize(url, authority),
    "POST /oauth/token": (_url, request) => token(request, authority, counts),
    "GET /oauth/token/accessible-resources": withToken(undefined, accessibleResources),
    "GET /me": withToken("read:me", me),
    "GET /_adapter/counts": () => json(200, counts),
    ...Object.fromEntries(
      SITES.map((site) => [
        `GET /ex/jira/${site.id}/rest/api/3/myself`,
        withToken("read:jira-user", (bearer) => myself(bearer, site)),
      ]),
    ),
  };

  /** Wraps an API route: asks the authority who the bearer is, then checks the scope the route needs. */
  function withToken(scope, answer) {
    return async (_url, request) => {
      const bearer = await introspect(request.headers.authorization, authority, client);
      if (!bearer) return UNAUTHORIZED;
      if (scope && !bearer.scopes.includes(scope)) return SCOPE_MISMATCH;
      return answer(bearer);
    };
  }

  const { server, url } = await listen(async (request, response) => {
    const target = new URL(request.url, url);
    const route = routes[`${request.method} ${target.pathname}`] ?? notFound;
    let answer;
    try {
      answer = await route(target, request);
    } catch (error) {
      console.error(error);
      answer = json(502, { error: "adapter_failed", error_description: String(error) });
    }
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });

  return { url, close: () => close(server) };
}

/** Same parameters, other address. `audience` is Atlassian's own and unknown to the authority. */
function authorize(url, authority) {
  const target = new URL(authority.authorize);
  target.search = url.search;
  target.searchParams.delete("audience");
  return { status: 302, headers: { location: target.href }, body: "" };
}

/** JSON in, form to the authority, JSON out. */
async function token(request, authority, counts) {
  const body = await text(request);
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    return json(400, { error: "invalid_request", error_description: "the adapter takes application/json" });
  }
  let fields;
  try {
    fields = JSON.parse(body);
  } catch {
    return json(400, { error: "invalid_request", error_description: "the body is not JSON" });
  }

  const grant = fields?.grant_type;
  counts[Object.hasOwn(counts, grant) ? grant : "other"] += 1;

  const answer = await postForm(authority.token, fields);
  const refusal = answer.ok ? undefined : atlassianRefusal((await answer.clone().json()).error, grant);
  return (
    refusal ?? {
      status: answer.status,
      headers: { "content-type": answer.headers.get("content-type"), "cache-control": "no-store" },
      body: await answer.text(),
    }
  );
}

/** RFC 6749's refusals as Atlassian words them (statuses included); undefined for those it has no known word for. */
function atlassianRefusal(error, grant) {
  if (error === "invalid_client") {
    return json(401, { error: "access_denied", error_description: "Unauthorized" });
  }
  if (error === "invalid_grant" && grant === "refresh_token") {
    return json(403, { error: "unauthorized_client", error_description: "refresh_token is invalid" });
  }
  if (error === "invalid_grant") {
    return json(403, { error: "invalid_grant", error_description: "Invalid authorization code" });
  }
  return undefined;
}

/** Asks the authority (RFC 7662) about the bearer: its account and scopes, or undefined when it is not active. */
async function introspect(authorization, authority, client) {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
  if (!bearer) return undefined;

  const answer = await postForm(authority.introspect, {
    token: bearer,
    token_type_hint: "access_token",
    client_id: client.id,
    client_secret: client.secret,
  });
  if (!answer.ok) throw new Error(`introspection answered ${answer.status}`);

  const said = await answer.json();
  // The endpoint knows refresh tokens too, and gives those no token type.
  if (!said.active || said.token_type !== "Bearer") return undefined;
  return { accountId: said.sub, scopes: said.scope?.split(" ") ?? [] };
}

function accessibleResources({ scopes }) {
  const granted = scopes.filter((scope) => !ACCOUNT_SCOPES.has(scope));
  return json(200, granted.length ? SITES.map((site) => ({ ...site, scopes: granted })) : []);
}

function me({ accountId }) {
  return json(200, {
    account_type: "atlassian",
    account_id: accountId,
    account_status: "active",
    name: "Interop Person",
    nickname: "interop",
  });
}

function myself({ accountId }, site) {
  return json(200, {
    self: `${site.url}/rest/api/3/user?accountId=${encodeURIComponent(accountId)}`,
    accountId,
    accountType: "atlassian",
    active: true,
    displayName: "Interop Person",
    timeZone: "Etc/UTC",
  });
}

function notFound(url) {
  return json(404, {
    timestamp: new Date().toISOString(),
    status: 404,
    error: "Not Found",
    message: "No message available",
    path: url.pathname,
  });
}

function postForm(url, fields) {
  return fetch(url, {
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams(fields),
  });
}

function json(status, value, headers = {}) {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}
