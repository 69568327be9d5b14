// Generated from api.toml; `make generate` writes it anew.

import { inspect, type Inspecting, shown } from './inspect.js';

/** Site as it crosses from the native half. @internal */
export interface RawSite {
  readonly cloud_id: string;
  readonly url: string;
  readonly name: string;
  readonly scopes: string[];
  readonly products: string[];
  readonly avatar_url: string | null;
}

/** An Atlassian Cloud site as a grant sees it. */
export class Site {
  /** The site's stable key (F4.7). */
  readonly cloudId: string;
  /** Display address; it can change. */
  readonly url: string;
  /** Display name; it can change. */
  readonly name: string;
  /** Scopes granted on this site. */
  readonly scopes: string[];
  /** jira, confluence: told from the scopes (F4.3). */
  readonly products: string[];
  /** The site's picture. */
  readonly avatarUrl: string | null;

  /** @internal */
  constructor(raw: RawSite) {
    this.cloudId = raw.cloud_id;
    this.url = raw.url;
    this.name = raw.name;
    this.scopes = raw.scopes;
    this.products = raw.products;
    this.avatarUrl = raw.avatar_url;
  }
}

/** Connection as it crosses from the native half. @internal */
export interface RawConnection {
  readonly id: string;
  readonly grant_id: string;
  readonly account_id: string | null;
  readonly site: RawSite | null;
  readonly site_choice: 'named' | 'consented' | 'first' | 'selected' | null;
  readonly scopes: string[];
  readonly tags: Record<string, string>;
  readonly metadata: Record<string, unknown>;
  readonly health: 'active' | 'attention' | 'reauthorization_required';
  readonly health_reason: 'inactive' | 'old_consent' | 'unclear_rotation' | 'revoked' | 'lost_rotation' | null;
  readonly reconnect_by: number | null;
  readonly generation: number;
  readonly created_at: number;
  readonly consented_at: number;
  readonly refreshed_at: number;
  readonly access_expires_at: number;
  readonly ledger: RawLedgerEntry[] | null;
}

/** A connection: the application's handle, the grant it uses and the chosen site. */
export class Connection {
  /** The application's handle. */
  readonly id: string;
  /** Which grant it uses; connections of one account share one. */
  readonly grantId: string;
  /** The Atlassian account, where it could be learnt. */
  readonly accountId: string | null;
  /** The chosen site. */
  readonly site: Site | null;
  /** How the site was chosen. */
  readonly siteChoice: 'named' | 'consented' | 'first' | 'selected' | null;
  /** What was granted. */
  readonly scopes: string[];
  /** Labels. */
  readonly tags: Record<string, string>;
  /** The application's own data. */
  readonly metadata: Record<string, unknown>;
  /** Whether calls can work, and whether they will go on to. */
  readonly health: 'active' | 'attention' | 'reauthorization_required';
  /** Why it is not active: what will end it, what is being mended, or what ended it. */
  readonly healthReason: 'inactive' | 'old_consent' | 'unclear_rotation' | 'revoked' | 'lost_rotation' | null;
  /** When the grant may end unless something is done: 90 days after its last rotation, or 365 days after the first consent (F3.3). Known where it needs attention. */
  readonly reconnectBy: Date | null;
  /** How many pairs of tokens the grant has had. */
  readonly generation: number;
  /** First connected. */
  readonly createdAt: Date;
  /** Last consent of the grant. */
  readonly consentedAt: Date;
  /** When the current tokens were issued; assumed to be almost 60 days ago for an import without a valid access token, until it is rotated. */
  readonly refreshedAt: Date;
  /** When the current access token expires. */
  readonly accessExpiresAt: Date;
  /** What befell the grant lately, newest first and at most 20 entries; null in a listing. */
  readonly ledger: LedgerEntry[] | null;

  /** @internal */
  constructor(raw: RawConnection) {
    this.id = raw.id;
    this.grantId = raw.grant_id;
    this.accountId = raw.account_id;
    this.site = raw.site && new Site(raw.site);
    this.siteChoice = raw.site_choice;
    this.scopes = raw.scopes;
    this.tags = raw.tags;
    this.metadata = raw.metadata;
    this.health = raw.health;
    this.healthReason = raw.health_reason;
    this.reconnectBy = raw.reconnect_by === null ? null : new Date(raw.reconnect_by);
    this.generation = raw.generation;
    this.createdAt = new Date(raw.created_at);
    this.consentedAt = new Date(raw.consented_at);
    this.refreshedAt = new Date(raw.refreshed_at);
    this.accessExpiresAt = new Date(raw.access_expires_at);
    this.ledger = raw.ledger && raw.ledger.map((each) => new LedgerEntry(each));
  }
}

/** LedgerEntry as it crosses from the native half. @internal */
export interface RawLedgerEntry {
  readonly at: number;
  readonly generation: number;
  readonly outcome: string;
  readonly worker: string;
}

/** One thing that befell a grant. */
export class LedgerEntry {
  /** When. */
  readonly at: Date;
  /** The generation it is about. */
  readonly generation: number;
  /** connected, imported, reconnected: where tokens came from. merged: another grant turned out to be the same account's and was taken in. rotated, rotated_spare: new tokens, from the newest or from the spare ones. spare_kept: tokens that came after others had been stored. written_back: the store had been set back. unclear, interrupted: an attempt without an answer, or whose process ended; the same token is tried again. refused: Atlassian no longer accepts the grant. More may come. */
  readonly outcome: string;
  /** The process whose work it was: its number and a random tag. */
  readonly worker: string;

  /** @internal */
  constructor(raw: RawLedgerEntry) {
    this.at = new Date(raw.at);
    this.generation = raw.generation;
    this.outcome = raw.outcome;
    this.worker = raw.worker;
  }
}

/** Attention as it crosses from the native half. @internal */
export interface RawAttention {
  readonly connection_id: string;
  readonly reason: string;
  readonly reconnect_by: number | null;
}

/** A connection that needs a person, or soon will. */
export class Attention {
  /** The connection. */
  readonly connectionId: string;
  /** As in Connection.health_reason. */
  readonly reason: string;
  /** As in Connection.reconnect_by; null where it has ended already. */
  readonly reconnectBy: Date | null;

  /** @internal */
  constructor(raw: RawAttention) {
    this.connectionId = raw.connection_id;
    this.reason = raw.reason;
    this.reconnectBy = raw.reconnect_by === null ? null : new Date(raw.reconnect_by);
  }
}

/** RekeyReport as it crosses from the native half. @internal */
export interface RawRekeyReport {
  readonly grants: number;
  readonly sessions: number;
  readonly left: number;
  readonly complete: boolean;
}

/** What `rekey` did. */
export class RekeyReport {
  /** Grants whose tokens are sealed with the first key now and were not before. */
  readonly grants: number;
  /** Consents under way, likewise. */
  readonly sessions: number;
  /** Rows that could not be moved yet: grants that are being rotated and consents still under way; or not at all: sealed with a key that was not given. */
  readonly left: number;
  /** Everything is sealed with the first key: the others can be taken away. */
  readonly complete: boolean;

  /** @internal */
  constructor(raw: RawRekeyReport) {
    this.grants = raw.grants;
    this.sessions = raw.sessions;
    this.left = raw.left;
    this.complete = raw.complete;
  }
}

/** KeepAliveReport as it crosses from the native half. @internal */
export interface RawKeepAliveReport {
  readonly rotated: number;
  readonly failed: number;
  readonly attention: RawAttention[];
}

/** What a pass of `keepAlive` did and found. */
export class KeepAliveReport {
  /** Grants that have fresh tokens now, whoever rotated them. */
  readonly rotated: number;
  /** Grants that could not be rotated just now; the next pass tries again. */
  readonly failed: number;
  /** Connections that need a person, or soon will. */
  readonly attention: Attention[];

  /** @internal */
  constructor(raw: RawKeepAliveReport) {
    this.rotated = raw.rotated;
    this.failed = raw.failed;
    this.attention = raw.attention.map((each) => new Attention(each));
  }
}

/** RateLimit as it crosses from the native half. @internal */
export interface RawRateLimit {
  readonly name: string;
  readonly scope: 'app' | 'tenant' | 'endpoint' | 'issue';
  readonly target: string | null;
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly reset_at: number | null;
  readonly near_limit: boolean;
  readonly paused_until: number | null;
}

/** A rate limit that concerns a connection. */
export class RateLimit {
  /** Its name as Jira writes it, such as global-app-quota, or the reason of a pause, such as jira-burst-based. */
  readonly name: string;
  /** How far it reaches: the app on all sites, the app on one site, one endpoint of a site, or writes to one issue. */
  readonly scope: 'app' | 'tenant' | 'endpoint' | 'issue';
  /** The endpoint or issue it is about, where it is about one. */
  readonly target: string | null;
  /** How much there is in a window. */
  readonly limit: number | null;
  /** How much of it was left when it was last told. */
  readonly remaining: number | null;
  /** When the window ends. */
  readonly resetAt: Date | null;
  /** Less than a fifth is left. */
  readonly nearLimit: boolean;
  /** Until when nothing that it covers is sent. */
  readonly pausedUntil: Date | null;

  /** @internal */
  constructor(raw: RawRateLimit) {
    this.name = raw.name;
    this.scope = raw.scope;
    this.target = raw.target;
    this.limit = raw.limit;
    this.remaining = raw.remaining;
    this.resetAt = raw.reset_at === null ? null : new Date(raw.reset_at);
    this.nearLimit = raw.near_limit;
    this.pausedUntil = raw.paused_until === null ? null : new Date(raw.paused_until);
  }
}

/** HistoryEntry as it crosses from the native half. @internal */
export interface RawHistoryEntry {
  readonly reason: 'network' | 'truncated' | 'rate_limited' | 'unavailable' | 'token_too_fresh' | 'token_rejected' | 'paused';
  readonly status: number | null;
  readonly waited_ms: number;
}

/** What came before an answer: an attempt that was not the last, or a wait. */
export class HistoryEntry {
  /** What came of it: the connection or the answer broke; 429; 502, 503 or 504; the token was sent once more (F3.14), or replaced; or nothing was sent, because Jira had asked for a pause. */
  readonly reason: 'network' | 'truncated' | 'rate_limited' | 'unavailable' | 'token_too_fresh' | 'token_rejected' | 'paused';
  /** The status it was answered with, if it was. */
  readonly status: number | null;
  /** How long was waited after it, in milliseconds. */
  readonly waitedMs: number;

  /** @internal */
  constructor(raw: RawHistoryEntry) {
    this.reason = raw.reason;
    this.status = raw.status;
    this.waitedMs = raw.waited_ms;
  }
}

/** Authorization as it crosses from the native half. @internal */
export interface RawAuthorization {
  readonly url: string;
  readonly access_token: string;
  readonly send: boolean;
}

/** Leave to send one request with another HTTP client. */
export class Authorization {
  /** Where to send the request: the gateway's address, with the query. */
  readonly url: string;
  /** Goes into the Authorization header, after Bearer and a space. Good for requests that begin now. */
  readonly accessToken: string;
  /** Whether sending has a chance: false where the rejected token is the best there is. */
  readonly send: boolean;

  /** @internal */
  constructor(raw: RawAuthorization) {
    this.url = raw.url;
    this.accessToken = raw.access_token;
    this.send = raw.send;
  }

  /** What `console.log` shows: no secret. @internal */
  [inspect](...inspecting: Inspecting): string {
    return shown('Authorization', this, ['accessToken'], inspecting);
  }
}

/** ConnectSession as it crosses from the native half. @internal */
export interface RawConnectSession {
  readonly url: string;
  readonly state: string;
  readonly expires_at: number;
}

/** A consent under way. Send the user's browser to its `url`. */
export class ConnectSession {
  /** Where to send the user's browser. */
  readonly url: string;
  /** The one-time state, for those who want to look it up themselves. */
  readonly state: string;
  /** Until when the callback is accepted. */
  readonly expiresAt: Date;

  /** @internal */
  constructor(raw: RawConnectSession) {
    this.url = raw.url;
    this.state = raw.state;
    this.expiresAt = new Date(raw.expires_at);
  }

  /** What `console.log` shows: no secret. @internal */
  [inspect](...inspecting: Inspecting): string {
    return shown('ConnectSession', this, ['state'], inspecting);
  }
}

/**
 * What an event is about. More may come.
 *
 * - `connected`: A consent was completed.
 * - `site_auto_selected`: No site was named and several were there; the first was taken. Lists the others.
 * - `rotated`: A grant's tokens were rotated by this process.
 * - `rotation_failed`: An attempt to rotate failed, or its tokens cannot be stored yet. Tells why, and in access_token_still_valid whether calls go on.
 * - `reauthorization_required`: A grant was found dead.
 * - `scopes_reduced`: A new consent granted fewer scopes than the grant had before (F1.9). Names them.
 * - `near_limit`: Less than a fifth of a rate limit is left (F7.4). Told once in a window, with name, scope, cloud_id, target, limit, remaining and reset_at.
 * - `progress`: A pass of keep_alive or rekey goes on: tells the verb, and in done how many grants it has been through. A few times a second at most.
 * - `key_file_created`: No encryption key was given, so one was made beside the SQLite database.
 */
export type EventKind = 'connected' | 'site_auto_selected' | 'rotated' | 'rotation_failed' | 'reauthorization_required' | 'scopes_reduced' | 'near_limit' | 'progress' | 'key_file_created' | (string & {});
