//! What the switches among the settings can say.

use serde_json::{Value, json};

use crate::settings;

macro_rules! choices {
    ($($field:ident $kind:ident;)*) => {
        /// The answers of a setting, where it is a switch.
        pub(super) fn of(setting: &str) -> Option<Vec<Value>> {
            match setting {
                $(stringify!($field) => {
                    // Says at compile time that this is the switch of that field.
                    let _: fn(&settings::Settings) -> settings::$kind = |settings| settings.$field;
                    Some(settings::$kind::ALL.iter().map(|one| json!(one)).collect())
                })*
                _ => None,
            }
        }
    };
}

choices! {
    reuse_window_from WindowFrom;
    siblings Siblings;
    dead_sibling DeadSibling;
    old_access_token OldAccessToken;
    separate_consents SeparateConsents;
    replace_when ReplaceWhen;
    scope_override ScopeOverride;
    account_reach AccountReach;
    dead_token_error DeadTokenError;
    token_format TokenFormat;
    revocation Revocation;
    me Me;
    myself Myself;
    not_installed_body NotInstalledBody;
    unknown_site UnknownSite;
    unknown_path UnknownPath;
    lost_access LostAccess;
    listing_fault ListingFault;
    cursor_page_end CursorPageEnd;
    barred_operations BarredOperations;
    last_page_token LastPageToken;
    date_header DateHeader;
    quota_scope QuotaScope;
    rate_headers RateHeaders;
    media_authorization MediaAuthorization;
}
