/**
 * Atlassian OAuth 2.0 (3LO) connections that last: consent, token rotation, sites and authenticated Jira requests.
 *
 * @packageDocumentation
 */
/// <reference types="node" preserve="true" />

export { Client } from './client.js';
export { ThreeloError } from './error.js';
export * from './errors.js';
export type { Fetch, FetchOptions, FetchResponse } from './fetch.js';
export type { FileContent, FileLike, FileUpload } from './files.js';
export type * from './options.js';
export { type LogLevel, LogLine } from './log.js';
export { RequestResult, RequestResults } from './many.js';
export { Connections, Paginator } from './paginate.js';
export { Attention, Authorization, Connection, ConnectSession, type EventKind, HistoryEntry, KeepAliveReport, LedgerEntry, RateLimit, RekeyReport, Site } from './records.js';
export { Event, Response } from './types.js';
