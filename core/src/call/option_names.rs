// Generated from api.toml; `make generate` writes it anew.

pub(super) const OPTIONS: &[(&str, &[Known])] = &[
    ("client", &[
        Known { name: "client_id", accepted: "string", required: true, secret: false },
        Known { name: "client_secret", accepted: "string", required: true, secret: true },
        Known { name: "redirect_uri", accepted: "string", required: true, secret: false },
        Known { name: "scopes", accepted: "list[string]", required: true, secret: false },
        Known { name: "store", accepted: "string", required: false, secret: true },
        Known { name: "encryption_key", accepted: "string | bytes | list[string | bytes]", required: false, secret: true },
        Known { name: "endpoints", accepted: "map[string]", required: false, secret: false },
        Known { name: "site_policy", accepted: "\"first\" or \"ask\"", required: false, secret: false },
        Known { name: "proxy", accepted: "string", required: false, secret: false },
        Known { name: "ca_bundle", accepted: "string", required: false, secret: false },
        Known { name: "max_body_bytes", accepted: "integer", required: false, secret: false },
    ]),
    ("connect", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
        Known { name: "binding", accepted: "string | null", required: true, secret: true },
        Known { name: "site", accepted: "string", required: false, secret: false },
        Known { name: "scopes", accepted: "list[string]", required: false, secret: false },
        Known { name: "tags", accepted: "map[string]", required: false, secret: false },
        Known { name: "metadata", accepted: "object", required: false, secret: false },
        Known { name: "allow_account_change", accepted: "boolean", required: false, secret: false },
        Known { name: "keep_scopes", accepted: "boolean", required: false, secret: false },
    ]),
    ("complete", &[
        Known { name: "callback_url", accepted: "string", required: true, secret: true },
        Known { name: "binding", accepted: "string | null", required: true, secret: true },
    ]),
    ("refresh", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
    ]),
    ("proxy_request", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
        Known { name: "method", accepted: "string", required: true, secret: false },
        Known { name: "path", accepted: "string", required: true, secret: false },
        Known { name: "params", accepted: "map[scalar | list[scalar]]", required: false, secret: false },
        Known { name: "json", accepted: "any", required: false, secret: false },
        Known { name: "headers", accepted: "map[string]", required: false, secret: false },
        Known { name: "site", accepted: "string", required: false, secret: false },
        Known { name: "retry", accepted: "\"safe\" or \"idempotent\" or \"none\"", required: false, secret: false },
    ]),
    ("proxy_request_many", &[
        Known { name: "ids", accepted: "list[string]", required: true, secret: false },
        Known { name: "method", accepted: "string", required: true, secret: false },
        Known { name: "path", accepted: "string", required: true, secret: false },
        Known { name: "params", accepted: "map[scalar | list[scalar]]", required: false, secret: false },
        Known { name: "json", accepted: "any", required: false, secret: false },
        Known { name: "headers", accepted: "map[string]", required: false, secret: false },
        Known { name: "all_sites", accepted: "boolean", required: false, secret: false },
        Known { name: "concurrency", accepted: "integer", required: false, secret: false },
        Known { name: "retry", accepted: "\"safe\" or \"idempotent\" or \"none\"", required: false, secret: false },
    ]),
    ("paginate", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
        Known { name: "path", accepted: "string", required: true, secret: false },
        Known { name: "method", accepted: "\"GET\" or \"POST\"", required: false, secret: false },
        Known { name: "params", accepted: "map[scalar | list[scalar]]", required: false, secret: false },
        Known { name: "json", accepted: "object", required: false, secret: false },
        Known { name: "site", accepted: "string", required: false, secret: false },
        Known { name: "limit", accepted: "integer", required: false, secret: false },
        Known { name: "cursor", accepted: "string", required: false, secret: false },
        Known { name: "page_size", accepted: "integer", required: false, secret: false },
        Known { name: "prefetch", accepted: "boolean", required: false, secret: false },
        Known { name: "parallel", accepted: "integer", required: false, secret: false },
        Known { name: "deduplicate", accepted: "boolean", required: false, secret: false },
    ]),
    ("sites", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
    ]),
    ("select_site", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
        Known { name: "site", accepted: "string", required: true, secret: false },
    ]),
    ("connection", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
    ]),
    ("connections", &[
        Known { name: "tags", accepted: "map[string]", required: false, secret: false },
        Known { name: "cursor", accepted: "string", required: false, secret: false },
    ]),
    ("update", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
        Known { name: "tags", accepted: "map[string]", required: false, secret: false },
        Known { name: "metadata", accepted: "object", required: false, secret: false },
    ]),
    ("disconnect", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
    ]),
    ("import_connection", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
        Known { name: "refresh_token", accepted: "string", required: true, secret: true },
        Known { name: "access_token", accepted: "string", required: false, secret: true },
        Known { name: "expires_at", accepted: "timestamp", required: false, secret: false },
        Known { name: "scopes", accepted: "list[string]", required: false, secret: false },
        Known { name: "account_id", accepted: "string", required: false, secret: false },
        Known { name: "site", accepted: "string", required: false, secret: false },
        Known { name: "tags", accepted: "map[string]", required: false, secret: false },
        Known { name: "metadata", accepted: "object", required: false, secret: false },
    ]),
    ("keep_alive", &[
        Known { name: "idle_days", accepted: "number", required: false, secret: false },
        Known { name: "concurrency", accepted: "integer", required: false, secret: false },
    ]),
    ("rate_limits", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
    ]),
    ("access_token", &[
        Known { name: "id", accepted: "string", required: true, secret: false },
    ]),
    ("close", &[
    ]),
];
