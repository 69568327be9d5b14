//! The windows of listings. A server may clamp what a client asks for (F8).

use serde_json::{Value, json};

use crate::gateway::Call;

/// Part of a listing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Index of the first item.
    pub(crate) start: usize,
    /// How many at most.
    pub(crate) size: usize,
}

impl Window {
    /// From `startAt` and `maxResults`.
    #[must_use]
    pub(crate) fn of(call: &Call<'_>, default: usize) -> Self {
        let limit = call.state.world.settings.page_size_limit.max(1);
        let asked = call.params.number("maxResults").unwrap_or(default);
        Self { start: call.params.number("startAt").unwrap_or(0), size: asked.clamp(1, limit) }
    }

    /// This part of the items.
    pub(crate) fn cut<T>(self, items: impl Iterator<Item = T>) -> Vec<T> {
        items.skip(self.start).take(self.size).collect()
    }
}

/// A PageBean (F8, shape 1). `self` and `nextPage` are addresses of the site, not of the gateway (F5.3).
#[must_use]
pub(crate) fn page_bean(
    call: &Call<'_>,
    path: &str,
    window: Window,
    total: usize,
    values: Vec<Value>,
) -> Value {
    let next = window.start + values.len();
    let last = next >= total;
    let page = |start: usize| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in
            call.params.0.iter().filter(|(name, _)| name != "startAt" && name != "maxResults")
        {
            query.append_pair(name, value);
        }
        query.append_pair("maxResults", &window.size.to_string()).append_pair("startAt", &start.to_string());
        format!("{}{path}?{}", call.base(), query.finish())
    };
    let mut bean = json!({
        "self": page(window.start), "maxResults": window.size, "startAt": window.start, "total": total,
        "isLast": last, "values": values,
    });
    if let Some(fields) = bean.as_object_mut().filter(|_| !last) {
        fields.insert("nextPage".into(), json!(page(next)));
    }
    bean
}
