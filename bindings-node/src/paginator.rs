//! Listings, as the face sees them.

use std::sync::Arc;

use napi_derive::napi;
use threelo_core::paginate::Paginator;
use tokio::sync::Mutex;

use crate::free::when_free;
use crate::port::{Answer, Port};

/// The pages of a listing.
#[napi]
pub struct NativePaginator {
    pages: Arc<Mutex<Paginator>>,
    port: Arc<Port>,
}

impl NativePaginator {
    pub(crate) fn new(pages: Paginator, port: &Arc<Port>) -> Self {
        Self { pages: Arc::new(Mutex::new(pages)), port: Arc::clone(port) }
    }
}

#[napi]
impl NativePaginator {
    /// The next page as a list in JSON, or nothing at the end.
    #[napi]
    pub fn next_page(&self, id: u32) {
        let pages = Arc::clone(&self.pages);
        self.port.run(id, async move {
            let page = pages.lock().await.next_page().await?;
            Ok(Answer::Text(page.map(|page| page.to_json())))
        });
    }

    /// Where to go on after `consumed` items of the newest page; nothing at the end. Not to be asked while a page is on its
    /// way, or has come and was not taken: the face knows the place of then.
    #[napi]
    pub fn cursor(&self, consumed: u32) -> Option<String> {
        self.pages.try_lock().ok()?.cursor(consumed as usize)
    }

    /// Ends what is being fetched ahead; a page that somebody waits for still comes.
    #[napi]
    pub fn rest(&self) {
        when_free(&self.pages, Paginator::rest);
    }
}
