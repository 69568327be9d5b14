//! Opening a database: tables made or brought up to date, and the connections that stay.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::PostgresStore;
use super::fault::at_opening;
use super::home::Home;
use super::link::Target;
use super::readers::{Readers, end};
use super::schema;
use super::scribe::Scribe;
use super::session::Session;
use super::shared::Shared;
use super::url::PostgresUrl;
use super::writer::Writer;
use crate::error::Result;

/// Opens, making what is missing. Any number of processes may do so at once.
pub(in crate::store) async fn open(url: &PostgresUrl) -> Result<PostgresStore> {
    if let Some(shared) = Shared::adopt(url.key()) {
        return Ok(PostgresStore::new(shared));
    }
    let (shared, late) = Shared::publish(fresh(url).await?);
    if let Some(late) = late {
        late.shut().await;
    }
    Ok(PostgresStore::new(shared))
}

async fn fresh(url: &PostgresUrl) -> Result<Shared> {
    let place = url.place();
    let home = Home::start(place)?;
    let target = Arc::new(Target {
        place: place.to_owned(),
        options: url.options().clone(),
        home: home.handle.clone(),
    });
    let failed = |error: sqlx::Error| at_opening(place, &error);
    let mut connection = target.connect().await.map_err(failed)?;
    let store_id = match schema::make_ready(place, &mut connection).await {
        Ok(store_id) => store_id,
        Err(error) => {
            end(&target, connection).await;
            return Err(error);
        }
    };
    let channel = format!("threelo_{store_id}");
    let readers = Arc::new(Readers::new(Arc::clone(&target), connection));
    let session = match Session::start(&home, &readers, &store_id, &channel).await {
        Ok(session) => session,
        Err(error) => {
            readers.close().await;
            return Err(failed(error));
        }
    };
    let writer = Writer::start(&home, place, Scribe::new(target, channel));
    Ok(Shared {
        key: url.key(),
        place: place.to_owned(),
        store_id,
        readers,
        writer,
        session,
        pid: std::process::id(),
        users: AtomicUsize::new(1),
        _home: home,
    })
}
