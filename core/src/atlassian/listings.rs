//! What cannot be seen in a listing's answer, because it depends on which listing it is (F8). Paths are those below
//! the site; Jira's versions 2 and 3 have the same listings.

/// Where the next places and page sizes of a listing are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// In the query of the address.
    Query,
    /// In the body, beside what is asked.
    Body,
}

/// How a listing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The parameter that bounds a page; some listings have none.
    pub(crate) size: Option<&'static str>,
    /// Where it and the places go.
    pub(crate) carrier: Carrier,
    /// How plain lists and filtered windows go on.
    pub(crate) array: Array,
}

/// What a plain list is (F8 row 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Array {
    /// All there is.
    Whole,
    /// A page; an empty one is the end.
    Pages,
    /// What a filter left of a window: short and empty ones say nothing, and there are none after
    /// [`SEARCHED_USERS`].
    Windows,
}

/// User searches look at this many users and no further (F8 row 5).
pub(crate) const SEARCHED_USERS: u64 = 1000;

/// The window of a user search where nothing else was asked for; it is always asked for, because places are counted
/// by it. It is the size Atlassian documents for a page of these, so a server that gives less of it has hidden some.
pub(crate) const SEARCH_WINDOW: u64 = 50;

/// How long a `nextPageToken` lives, in milliseconds (F8 row 3).
pub(crate) const TOKEN_LIFE_MS: u64 = 7 * 24 * 3600 * 1000;

/// Members that hold the items of a page, as the rows of F8 name them, the most telling first. Issue type metadata has
/// had two names for its fields.
pub(crate) const ITEMS: [&str; 13] = [
    "values",
    "results",
    "issues",
    "records",
    "comments",
    "worklogs",
    "issueTypes",
    "fields",
    "dashboards",
    "histories",
    "issueChangeLogs",
    "availableTransitions",
    "createMetaIssueType",
];

/// Lists that stand beside the items.
pub(crate) const NOT_ITEMS: [&str; 5] =
    ["warningMessages", "errorMessages", "expands", "statuses", "operations"];

/// User searches whose windows are filtered after they were cut (F8 row 5).
const WINDOWED: [&str; 7] = [
    "user/search",
    "user/assignable/search",
    "user/assignable/multiProjectSearch",
    "user/permission/search",
    "user/viewissue/search",
    "user/search/query",
    "user/search/query/key",
];

/// Plain lists that come in pages (F8 row 5).
const PAGED_ARRAYS: [&str; 3] = ["users/search", "users", "user/bulk/migration"];

/// How the listing at `path` is asked by GET, or by POST.
pub(crate) fn listed(path: &str, posts: bool) -> Listed {
    let place = path.trim_end_matches('/');
    let api = ["/rest/api/2/", "/rest/api/3/", "/rest/api/latest/"]
        .iter()
        .find_map(|root| place.strip_prefix(root))
        .unwrap_or_default();
    Listed { size: size(place, api), carrier: carrier(api, posts), array: array(api, posts) }
}

fn size(place: &str, api: &str) -> Option<&'static str> {
    match api {
        // A thousand changes to a page, always (F8 row 7).
        "worklog/updated" | "worklog/deleted" => None,
        // Fifty, always (F8 row 15).
        "bulk/issues/fields" | "bulk/issues/transition" => None,
        "auditing/record" => Some("limit"),
        // Without the s, in Atlassian's own document.
        "user/search/query/key" | "screens/tabs" => Some("maxResult"),
        _ if place.starts_with("/wiki/") || place.starts_with("/rest/servicedeskapi/") => Some("limit"),
        _ => Some("maxResults"),
    }
}

/// Most listings that are asked by POST take all in the body; two keep places in the query.
fn carrier(api: &str, posts: bool) -> Carrier {
    let context_mapping = api.starts_with("field/") && api.ends_with("/context/mapping");
    if !posts || api == "app/field/context/configuration/list" || context_mapping {
        Carrier::Query
    } else {
        Carrier::Body
    }
}

fn array(api: &str, posts: bool) -> Array {
    if posts {
        Array::Whole
    } else if WINDOWED.contains(&api) {
        Array::Windows
    } else if PAGED_ARRAYS.contains(&api) {
        Array::Pages
    } else {
        Array::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_own_words() {
        for (path, posts, size, carrier) in [
            ("/rest/api/3/project/search", false, Some("maxResults"), Carrier::Query),
            ("/rest/agile/1.0/board", false, Some("maxResults"), Carrier::Query),
            ("/rest/api/2/auditing/record", false, Some("limit"), Carrier::Query),
            ("/rest/api/3/worklog/updated", false, None, Carrier::Query),
            ("/rest/api/3/bulk/issues/fields", false, None, Carrier::Query),
            ("/rest/api/3/user/search/query/key", false, Some("maxResult"), Carrier::Query),
            ("/rest/servicedeskapi/servicedesk", false, Some("limit"), Carrier::Query),
            ("/wiki/api/v2/pages", false, Some("limit"), Carrier::Query),
            ("/rest/api/3/search/jql", true, Some("maxResults"), Carrier::Body),
            ("/rest/api/3/field/customfield_1/context/mapping", true, Some("maxResults"), Carrier::Query),
            ("/rest/api/3/app/field/context/configuration/list", true, Some("maxResults"), Carrier::Query),
        ] {
            let listed = listed(path, posts);
            assert_eq!((listed.size, listed.carrier), (size, carrier), "{path}");
        }
    }

    #[test]
    fn user_searches_are_windows_and_other_lists_of_users_are_pages() {
        for (path, array) in [
            ("/rest/api/3/user/search", Array::Windows),
            ("/rest/api/2/user/assignable/search/", Array::Windows),
            ("/rest/api/latest/users/search", Array::Pages),
            ("/rest/api/3/users", Array::Pages),
            ("/rest/api/3/project", Array::Whole),
            ("/rest/agile/1.0/users", Array::Whole),
        ] {
            assert_eq!(listed(path, false).array, array, "{path}");
        }
    }
}
