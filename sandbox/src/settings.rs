//! Everything about the provider that can be switched. What is not confirmed about Atlassian has both answers here.

use serde::{Deserialize, Serialize};

macro_rules! switch {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident $(, $(#[$rest_doc:meta])* $rest:ident)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $(#[$first_doc])* #[default] $first,
            $($(#[$rest_doc])* $rest),*
        }

        impl $name {
            /// All answers, for the document of the control API.
            pub(crate) const ALL: &'static [Self] = &[Self::$first $(, Self::$rest)*];
        }
    };
}

switch!(
    /// Where the reuse window of a spent refresh token starts.
    WindowFrom {
        /// At its first exchange.
        First,
        /// At its latest exchange.
        Last,
    }
);
switch!(
    /// Which of several pairs made from one refresh token keep a working refresh token (F3.5, unconfirmed).
    Siblings {
        /// All of them.
        All,
        /// Only the one made last.
        LastOnly,
        /// Only the one made first.
        FirstOnly,
    }
);
switch!(
    /// What becomes of somebody who exchanges a refresh token that lost to its sibling.
    DeadSibling {
        /// It is refused, nothing else happens.
        Refused,
        /// It counts as theft: the family dies.
        Breach,
    }
);
switch!(
    /// Whether a refresh ends earlier access tokens of its family (F3.10, unconfirmed).
    OldAccessToken {
        /// They live until they expire.
        Stays,
        /// They end at once.
        Dies,
    }
);
switch!(
    /// Whether a new consent ends the refresh tokens of earlier ones (F3.7, unconfirmed).
    SeparateConsents {
        /// It does.
        Replace,
        /// Families live side by side.
        Independent,
    }
);
switch!(
    /// When a new consent replaces the earlier ones.
    ReplaceWhen {
        /// As its code is exchanged.
        Exchange,
        /// As the person accepts.
        Consent,
    }
);
switch!(
    /// When tokens in use feel the scopes of a new consent (F1.9).
    ScopeOverride {
        /// With the consent.
        AtOnce,
        /// With their next refresh.
        AtRefresh,
    }
);
switch!(
    /// What an account-level grant reaches (F1.7, F1.9).
    AccountReach {
        /// Sites this account consented to.
        Consented,
        /// Sites where anybody installed the app and which this account may use.
        Installed,
    }
);
switch!(
    /// The body for a dead refresh token (F3.8).
    DeadTokenError {
        /// `unauthorized_client`, what is seen since about 2024.
        UnauthorizedClient,
        /// `invalid_grant`, as documented.
        InvalidGrant,
        /// `invalid_grant` with other words, quoted once.
        ExpiredOrRevoked,
    }
);
switch!(
    /// The form of access tokens (F2.5).
    TokenFormat {
        /// Three parts with readable claims.
        Jwt,
        /// Nothing to read.
        Opaque,
    }
);
switch!(
    /// How `/me` behaves (F4.8).
    Me {
        /// It answers.
        Ok,
        /// 404.
        Missing,
    }
);
switch!(
    /// How `myself` behaves.
    Myself {
        /// It answers.
        Ok,
        /// 403.
        Forbidden,
    }
);
switch!(
    /// The body of the 403 for an app that is not installed (F6.5).
    NotInstalledBody {
        /// `{"code", "message"}`
        Gateway,
        /// `{"errorMessages"}`
        Jira,
    }
);
switch!(
    /// The body of the 404 for a site that does not exist (F6.6).
    UnknownSite {
        /// Spring style JSON.
        Spring,
        /// A page.
        Html,
    }
);
switch!(
    /// What the gateway says to a path it does not know (F6.2, F6.6).
    UnknownPath {
        /// 404, Spring style.
        NotFound,
        /// 401, as for a missing scope.
        ScopeMismatch,
    }
);
switch!(
    /// Whether accessible-resources lists a site the person may not use (F4.5, F4.6).
    LostAccess {
        /// It does.
        Listed,
        /// It does not.
        Unlisted,
    }
);
switch!(
    /// The next token on the last page of `/search/jql` (F8).
    LastPageToken {
        /// The field is left out.
        Absent,
        /// The field is null.
        Null,
    }
);
switch!(
    /// Which clock the `Date` header shows.
    DateHeader {
        /// The machine's: time travel means that things aged, not that clocks disagree.
        Real,
        /// The sandbox's.
        Sandbox,
    }
);

switch!(
    /// Whose points run out (F7.2).
    QuotaScope {
        /// The app's, on all sites together.
        Global,
        /// The app's on one site.
        Tenant,
    }
);
switch!(
    /// What a 429 says about itself.
    RateHeaders {
        /// Reason and time to wait (F7.4).
        Full,
        /// Neither, as the gateway's own limiter (F7.5).
        Bare,
    }
);

switch!(
    /// What the undocumented revocation endpoint does (F4.9, unconfirmed).
    Revocation {
        /// It says yes, and the grant lives on.
        Ignored,
        /// It ends the grant of the token's account and app, as in the profile (F1.10).
        Grant,
        /// There is none.
        Missing,
    }
);

switch!(
    /// What the media host does when it is sent an access token (F5.7).
    MediaAuthorization {
        /// 403.
        Forbidden,
        /// It does not look.
        Ignored,
    }
);

switch!(
    /// What a listing does wrong.
    ListingFault {
        /// Nothing.
        None,
        /// It never gets beyond its second page: the place it leads to is the one it was asked for.
        Stuck,
        /// Its total is another one on every page.
        WobblingTotal,
    }
);
switch!(
    /// How pages with cursors say that they are the last one (F8 row 6; Atlassian's schema and example disagree).
    CursorPageEnd {
        /// `isLast`, as in the example.
        IsLast,
        /// `last`, as in the schema.
        Last,
    }
);
switch!(
    /// What operations answer that are not for OAuth apps (F5.4, unconfirmed).
    BarredOperations {
        /// 403.
        Refused,
        /// As if they were for everybody, for the sake of their shape.
        Served,
    }
);

/// The switches. The README describes each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the table in the README describes them, once")]
pub struct Settings {
    pub expires_in: i64,
    pub reuse_window_s: i64,
    pub reuse_window_from: WindowFrom,
    pub siblings: Siblings,
    pub dead_sibling: DeadSibling,
    pub old_access_token: OldAccessToken,
    pub separate_consents: SeparateConsents,
    pub replace_when: ReplaceWhen,
    pub scope_override: ScopeOverride,
    pub account_reach: AccountReach,
    pub dead_token_error: DeadTokenError,
    pub dead_token_status: u16,
    pub token_format: TokenFormat,
    pub check_pkce: bool,
    pub basic_auth: bool,
    pub absolute_limit: bool,
    pub absolute_days: i64,
    pub idle_days: i64,
    pub code_lifetime_s: i64,
    pub omit_refresh_token: u32,
    pub revocation: Revocation,
    pub me: Me,
    pub myself: Myself,
    pub not_installed_body: NotInstalledBody,
    pub expired_token_status: u16,
    pub unknown_site: UnknownSite,
    pub unknown_path: UnknownPath,
    pub lost_access: LostAccess,
    pub offline_in_resources: bool,
    pub fresh_token_lag_ms: i64,
    pub page_size_limit: usize,
    pub listing_items: Option<usize>,
    pub listing_short_pages: bool,
    pub listing_empty_page: bool,
    pub listing_fault: ListingFault,
    pub hidden_users_every: usize,
    pub cursor_page_end: CursorPageEnd,
    pub barred_operations: BarredOperations,
    pub last_page_token: LastPageToken,
    pub search_lag_ms: i64,
    pub date_header: DateHeader,
    pub date_skew_s: i64,
    pub quota_points: u64,
    pub quota_scope: QuotaScope,
    pub burst_per_s: u64,
    pub issue_writes_per_2s: u64,
    pub issue_writes_per_30s: u64,
    pub beta_rate_headers: bool,
    pub rate_headers: RateHeaders,
    pub media_authorization: MediaAuthorization,
    pub media_redirect: u16,
    pub permissions_lacking: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            expires_in: 3600,
            reuse_window_s: 600,
            reuse_window_from: WindowFrom::default(),
            siblings: Siblings::default(),
            dead_sibling: DeadSibling::default(),
            old_access_token: OldAccessToken::default(),
            separate_consents: SeparateConsents::default(),
            replace_when: ReplaceWhen::default(),
            scope_override: ScopeOverride::default(),
            account_reach: AccountReach::default(),
            dead_token_error: DeadTokenError::default(),
            dead_token_status: 403,
            token_format: TokenFormat::default(),
            check_pkce: false,
            basic_auth: false,
            absolute_limit: true,
            absolute_days: 365,
            idle_days: 90,
            code_lifetime_s: 600,
            omit_refresh_token: 0,
            revocation: Revocation::default(),
            me: Me::default(),
            myself: Myself::default(),
            not_installed_body: NotInstalledBody::default(),
            expired_token_status: 401,
            unknown_site: UnknownSite::default(),
            unknown_path: UnknownPath::default(),
            lost_access: LostAccess::default(),
            offline_in_resources: false,
            fresh_token_lag_ms: 0,
            page_size_limit: 100,
            listing_items: None,
            listing_short_pages: false,
            listing_empty_page: false,
            listing_fault: ListingFault::default(),
            hidden_users_every: 0,
            cursor_page_end: CursorPageEnd::default(),
            barred_operations: BarredOperations::default(),
            last_page_token: LastPageToken::default(),
            search_lag_ms: 0,
            date_header: DateHeader::default(),
            date_skew_s: 0,
            quota_points: 0,
            quota_scope: QuotaScope::default(),
            burst_per_s: 0,
            issue_writes_per_2s: 0,
            issue_writes_per_30s: 0,
            beta_rate_headers: false,
            rate_headers: RateHeaders::default(),
            media_authorization: MediaAuthorization::default(),
            media_redirect: 303,
            permissions_lacking: Vec::new(),
        }
    }
}
