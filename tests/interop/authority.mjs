// The foreign part: npm's certified `oidc-provider`, configured and otherwise left alone.
// Every decision about codes, tokens, rotation and reuse is taken in that package.

import { randomBytes } from "node:crypto";
import { Provider } from "oidc-provider";

import { close, listen } from "./listen.mjs";

/** Names Atlassian uses. The authority silently drops a scope it does not know. */
const SCOPES = [
  "offline_access",
  "read:me",
  "read:account",
  "read:jira-work",
  "write:jira-work",
  "read:jira-user",
  "manage:jira-project",
  "manage:jira-configuration",
  "manage:jira-webhook",
  "read:servicedesk-request",
  "write:servicedesk-request",
  "read:sprint:jira-software",
  "read:issue-details:jira",
];

/**
 * Starts the authority on a free loopback port.
 *
 * @param {{ client: { id: string, secret: string, redirectUri: string }, accessTokenTtl: number }} options
 *   `accessTokenTtl` is in seconds.
 * @returns {Promise<{ endpoints: Record<"authorize" | "token" | "introspect", string>, close(): Promise<void> }>}
 */
export async function startAuthority({ client, accessTokenTtl }) {
  const { server, url } = await listen(); // first, because the issuer contains the port

  const provider = new Provider(url, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        redirect_uris: [client.redirectUri],
      },
    ],
    scopes: SCOPES,
    clientAuthMethods: ["client_secret_post"],
    rotateRefreshToken: true,
    // The authority drops `offline_access` from a request without prompt=consent, before this is asked.
    issueRefreshToken: async (_ctx, _client, source) => source.scopes.has("offline_access"),
    pkce: { required: () => false }, // as at Atlassian: checked when sent, never demanded
    features: {
      devInteractions: { enabled: true }, // any login, any password
      introspection: { enabled: true },
      userinfo: { enabled: false }, // needs the scope `openid`, which Atlassian's apps may not ask for
    },
    ttl: {
      AccessToken: accessTokenTtl,
      AuthorizationCode: 60,
      Grant: 14 * 24 * 3600,
      Interaction: 600,
      RefreshToken: 14 * 24 * 3600,
      Session: 3600,
    },
    cookies: { keys: [randomBytes(24).toString("hex")] },
    findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
  });
  provider.on("server_error", (_ctx, error) => console.error(error));
  server.on("request", provider.callback());

  return {
    endpoints: {
      authorize: `${url}/auth`,
      token: `${url}/token`,
      introspect: `${url}/token/introspection`,
    },
    close: () => close(server),
  };
}
