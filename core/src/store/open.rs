//! Opening a store: the place, its key, and the proof that the two belong together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::beside::beside;
use super::keys::Key32;
use super::location::Location;
use super::memory::MemoryStore;
use super::postgres;
use super::rows::Sealed;
use super::seal::{Bound, Sealer};
use super::sqlite::open::Opening;
use super::sqlite::{self, SqliteStore};
use super::{Expect, Store, Write, key_file};
use crate::error::{Code, Error, Result};

/// Name of the key check value among [`Store::meta`].
const KEY_CHECK: &str = "key_check";

/// What the key check value says once opened.
const KEY_CHECK_TEXT: &[u8] = b"threelo";

/// A store and what opens its records.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The sealer for the keys that were given or found.
    pub sealer: Arc<Sealer>,
    /// The file a new key was written to, when none was given and none was there. It is worth a word to the owner:
    /// without this file nothing in the store opens.
    pub key_file_created: Option<PathBuf>,
}

/// Opens the store at a place and checks that the keys fit it. Without keys, an SQLite store takes the one in
/// `<database>.key`, which a new store makes; a store in memory makes one up; PostgreSQL needs one given.
///
/// # Errors
/// `invalid_config` when the place cannot hold a store (directory missing, another application's database, network
/// file system, a key file others can read; a PostgreSQL user, database or schema that is refused or missing, and
/// PostgreSQL without a key), `schema_newer` when a newer threelo wrote it, `decryption_failed` when
/// the keys are not its own or it is sealed and no key is to be had, `store_unavailable` for everything the disk or
/// another process is in the way of.
pub async fn open(location: &Location, keys: Option<Vec<Key32>>) -> Result<Opened> {
    match location {
        Location::Memory => {
            let keys = keys.map_or_else(|| Key32::random().map(|key| vec![key]), Ok)?;
            Ok(Opened {
                store: Arc::new(MemoryStore::new()),
                sealer: Arc::new(Sealer::new(&keys)?),
                key_file_created: None,
            })
        }
        Location::Sqlite(path) => {
            // Keys that cannot work are refused before a file is made.
            let sealer = keys.as_deref().map(Sealer::new).transpose()?;
            let opening = sqlite::open::open(path).await?;
            match unlock(&opening, sealer).await {
                Ok((sealer, key_file_created)) => {
                    Ok(Opened { store: Arc::new(opening.store), sealer: Arc::new(sealer), key_file_created })
                }
                Err(error) => {
                    opening.store.close().await;
                    Err(error)
                }
            }
        }
        Location::Postgres(url) => {
            // Machines share it, and a file beside one of them would be missing on the others.
            let keys = keys.ok_or_else(|| {
                Error::config(
                    "encryption_key",
                    "missing",
                    "32 bytes in base64: a PostgreSQL store makes no key",
                )
            })?;
            let sealer = Sealer::new(&keys)?;
            let store = postgres::open::open(url).await?;
            match check(&store, &sealer).await {
                Ok(()) => {
                    Ok(Opened { store: Arc::new(store), sealer: Arc::new(sealer), key_file_created: None })
                }
                Err(error) => {
                    store.close().await;
                    Err(error.with("store", store.place()))
                }
            }
        }
    }
}

async fn unlock(opening: &Opening, given: Option<Sealer>) -> Result<(Sealer, Option<PathBuf>)> {
    let Opening { store, path, .. } = opening;
    let (sealer, created) = match given {
        Some(sealer) => (sealer, None),
        None => from_key_file(store, path).await?,
    };
    check(store, &sealer).await.map_err(|error| error.with("store", path.display().to_string()))?;
    Ok((sealer, created))
}

async fn from_key_file(store: &SqliteStore, path: &Path) -> Result<(Sealer, Option<PathBuf>)> {
    let name = beside(path, "key");
    if let Some(key) = on_disk(path, key_file::read, name.clone()).await? {
        return Ok((Sealer::new(&[key])?, None));
    }
    if store.meta(KEY_CHECK).await?.is_some() || store.has_sealed().await? {
        let message = format!(
            "the store {} is sealed, no key was given, and there is no key file {}",
            path.display(),
            name.display()
        );
        return Err(Error::new(Code::DecryptionFailed, message).with("store", path.display().to_string()));
    }
    let (key, created) = on_disk(path, key_file::create, name.clone()).await?;
    Ok((Sealer::new(&[key])?, created.then_some(name)))
}

async fn on_disk<T: Send + 'static>(store: &Path, work: fn(&Path) -> Result<T>, name: PathBuf) -> Result<T> {
    let done = tokio::task::spawn_blocking(move || work(&name)).await.unwrap_or_else(|_| {
        Err(Error::new(Code::StoreUnavailable, "the store was not opened: the runtime is shutting down"))
    });
    done.map_err(|error| error.with("store", store.display().to_string()))
}

/// Has the key check value opened by the first key alone from now on.
pub(crate) async fn renew_key_check(store: &dyn Store, sealer: &Sealer) -> Result<()> {
    let value = sealer.seal(Bound::KeyCheck, KEY_CHECK_TEXT)?;
    store.write(vec![], vec![Write::PutMeta(KEY_CHECK.to_owned(), value.0)]).await.map(drop)
}

/// Proves the keys on the key check value, or leaves one for those who come later.
async fn check(store: &dyn Store, sealer: &Sealer) -> Result<()> {
    if store.meta(KEY_CHECK).await?.is_none() {
        let value = sealer.seal(Bound::KeyCheck, KEY_CHECK_TEXT)?;
        let expect = vec![Expect::MetaAbsent(KEY_CHECK.to_owned())];
        if store.write(expect, vec![Write::PutMeta(KEY_CHECK.to_owned(), value.0)]).await?.is_some() {
            return Ok(());
        }
    }
    let value = store.meta(KEY_CHECK).await?.unwrap_or_default();
    match sealer.open(Bound::KeyCheck, &Sealed(value)) {
        Ok(plain) if plain.as_slice() == KEY_CHECK_TEXT => Ok(()),
        _ => {
            Err(Error::new(Code::DecryptionFailed, "none of the keys is the one this store was sealed with"))
        }
    }
}
