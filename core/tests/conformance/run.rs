//! One vector, one sandbox, one folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::{BoxFuture, join_all};
use serde_json::{Map, Value, json};
use threelo_core::{Client, CloseOptions};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use crate::face;
use crate::matchers::{at, matches, query};
use crate::sandbox::{Sandbox, send};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/conformance");
const REDIRECT_URI: &str = "http://localhost:3000/callback";
const KEY: &str = "dGhyZWVsby1jb25mb3JtYW5jZS10ZXN0LWtleS0wMDE=";
const SCOPES: [&str; 4] = ["read:jira-work", "write:jira-work", "read:jira-user", "read:me"];
const PATIENCE: Duration = Duration::from_secs(15);

type Outcome = Result<(), String>;

/// All vectors, in the order of their names.
pub(crate) fn load() -> Vec<Value> {
    let files = std::fs::read_dir(Path::new(FOLDER).join("vectors")).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "json"));
    paths.sort();
    paths.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// Runs a vector on `store`, which is what the vector says or a standard one.
pub(crate) async fn run(vector: Value, store: Value) -> Outcome {
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().unwrap();
    let url = sandbox.url.clone();
    let run = Arc::new(Run::new(vector, store, &url, folder.path()));
    let outcome = tokio::time::timeout(Duration::from_secs(120), Arc::clone(&run).steps()).await;
    // Whoever still waits at the sandbox is let go first, so that closing cannot hang.
    tokio::task::spawn_blocking(move || drop(sandbox)).await.unwrap();
    let clients: Vec<Client> = run.clients.lock().await.values().cloned().collect();
    for client in clients {
        let _ = client.close(CloseOptions { timeout: Some(Duration::from_secs(1)) }).await;
    }
    outcome.unwrap_or_else(|_| Err("it does not end".to_owned()))
}

struct Run {
    vector: Value,
    store: Value,
    sandbox: String,
    folder: PathBuf,
    saved: Mutex<Map<String, Value>>,
    secrets: Mutex<Vec<String>>,
    events: Arc<Mutex<Vec<Value>>>,
    clients: tokio::sync::Mutex<HashMap<String, Client>>,
    jobs: Mutex<HashMap<String, JoinHandle<Outcome>>>,
    _closed: TcpSocket,
}

impl Run {
    fn new(vector: Value, store: Value, sandbox: &str, folder: &Path) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = u64::try_from(now.as_millis()).unwrap();
        // Bound, and nobody listens: the port stays taken, and refuses.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed_port = closed.local_addr().unwrap().port();
        let saved = json!({
            "sandbox": sandbox, "redirect_uri": REDIRECT_URI, "encryption_key": KEY, "dir": folder,
            "closed_port": closed_port, "now": now, "hour_ago": now - 3_600_000, "hour_ahead": now + 3_600_000,
        });
        let secrets = ["sandbox-secret", "not-the-secret", KEY, "browser-1"].map(str::to_owned).to_vec();
        Self {
            vector,
            store,
            sandbox: sandbox.to_owned(),
            folder: folder.to_owned(),
            saved: Mutex::new(saved.as_object().unwrap().clone()),
            secrets: Mutex::new(secrets),
            events: Arc::default(),
            clients: tokio::sync::Mutex::default(),
            jobs: Mutex::default(),
            _closed: closed,
        }
    }

    async fn steps(self: Arc<Self>) -> Outcome {
        if let Some(world) = self.vector.get("world") {
            send(&self.sandbox, "PUT", "/_sandbox/world", Some(world.clone())).await?;
        }
        for (index, step) in self.vector["steps"].as_array().unwrap().iter().enumerate() {
            let outcome = Arc::clone(&self).step(step.clone()).await;
            outcome.map_err(|why| format!("step {} {step}: {why}", index + 1))?;
        }
        self.check_fixture()?;
        let told = Value::from(self.events.lock().unwrap().clone()).to_string();
        let leaked = face::leaked(&told, &self.secrets.lock().unwrap());
        if leaked.is_empty() { Ok(()) } else { Err(format!("an event tells {leaked:?}")) }
    }

    fn step(self: Arc<Self>, step: Value) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            if let Some(inner) = step.get("background") {
                let job = tokio::spawn(Arc::clone(&self).step(inner.clone()));
                self.jobs.lock().unwrap().insert(step["as"].as_str().unwrap().to_owned(), job);
                Ok(())
            } else if let Some(name) = step["join"].as_str() {
                let job = self.jobs.lock().unwrap().remove(name).unwrap();
                let ended = tokio::time::timeout(PATIENCE * 2, job).await;
                ended.map_err(|_| "it does not end")?.map_err(|why| why.to_string())?
            } else if let Some(count) = step["parallel"].as_u64() {
                let outcomes = join_all((0..count).map(|n| Arc::clone(&self).step(single(&step, n)))).await;
                outcomes.into_iter().collect()
            } else if step.get("await").is_some() || step.get("event").is_some() {
                self.wait(&step).await
            } else {
                self.judge(&step).await
            }
        })
    }

    async fn judge(&self, step: &Value) -> Outcome {
        let until = Instant::now() + PATIENCE;
        let mut acted = self.act(step).await?;
        while step["patient"] == true
            && acted.as_ref().is_err_and(threelo_core::Error::retryable)
            && Instant::now() < until
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
            acted = self.act(step).await?;
        }
        let code = acted.as_ref().err().map(|error| error.code().as_str());
        let result = match &acted {
            Ok(result) => result.clone(),
            Err(error) => face::record(error, &self.secrets.lock().unwrap()),
        };
        if step["any_outcome"] == true {
            return Ok(());
        }
        if code != step["error"].as_str() {
            return Err(format!("expected {}, got {result}", step["error"].as_str().unwrap_or("success")));
        }
        if let Some(name) = step["save"].as_str() {
            self.secrets.lock().unwrap().extend(secrets_in(&result));
            self.saved.lock().unwrap().insert(name.to_owned(), result.clone());
        }
        for (path, wanted) in step["expect"].as_object().into_iter().flatten() {
            let (wanted, actual) = (self.fill(wanted), at(&result, path));
            if !matches(actual, &wanted) {
                let shown = actual.map_or("nothing".to_owned(), Value::to_string);
                return Err(format!("{path:?} is {shown}, expected {wanted} in {result}"));
            }
        }
        Ok(())
    }

    /// The result of a step, or the client's error; `Err` is a fault of the vector or the sandbox.
    async fn act(&self, step: &Value) -> Result<Result<Value, threelo_core::Error>, String> {
        if let Some(own) = step.get("open") {
            return Ok(match face::open(self.options(own)).await {
                Ok(client) => client.close(CloseOptions::default()).await.map(|()| Value::Null),
                Err(error) => Err(error),
            });
        }
        if let Some(request) = step.get("control") {
            return Ok(Ok(self.control(request).await?));
        }
        if let Some(person) = step.get("consent") {
            return Ok(Ok(self.consent(self.fill(person)).await?));
        }
        if let Some(person) = step.get("other_system") {
            return Ok(Ok(self.other_system(person).await?));
        }
        let client = match self.client(step["client"].as_str().unwrap_or("main")).await {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(options) = step.get("connected") {
            return self.connected(&client, self.fill(options)).await;
        }
        let options = step.get("with").map_or_else(|| json!({}), |options| self.fill(options));
        if step["call"] != "proxy_request_many" {
            return Ok(face::call(&client, step["call"].as_str().unwrap(), &options, step).await);
        }
        let meanwhile = step.get("meanwhile").map(|meanwhile| {
            let control = self.control(&meanwhile["control"]);
            (meanwhile["after"].as_u64().unwrap(), Box::pin(control) as BoxFuture<'_, _>)
        });
        Ok(match face::many(&client, &options) {
            Ok(many) => Ok(face::results(many, meanwhile).await?),
            Err(error) => Err(error),
        })
    }

    async fn control(&self, request: &Value) -> Result<Value, String> {
        let request = self.fill(request);
        let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        send(&self.sandbox, method, path, request.get("body").cloned()).await
    }

    async fn consent(&self, person: Value) -> Result<Value, String> {
        let answer = send(&self.sandbox, "POST", "/_sandbox/consent", Some(person)).await?;
        Ok(answer["callback"].clone())
    }

    async fn connected(
        &self,
        client: &Client,
        mut options: Value,
    ) -> Result<Result<Value, threelo_core::Error>, String> {
        let fields = options.as_object_mut().unwrap();
        let mut person = json!({ "account": fields.remove("account"), "sites": fields.remove("sites") });
        fields.insert("binding".to_owned(), "browser-1".into());
        let session = match face::call(client, "connect", &options, &json!({})).await {
            Ok(session) => session,
            Err(error) => return Ok(Err(error)),
        };
        person["url"] = session["url"].clone();
        let callback = self.consent(person).await?;
        self.secrets.lock().unwrap().extend(secrets_in(&session).into_iter().chain(secrets_in(&callback)));
        let done = json!({ "callback_url": callback, "binding": "browser-1" });
        Ok(face::call(client, "complete", &done, &json!({})).await)
    }

    async fn other_system(&self, person: &Value) -> Result<Value, String> {
        let scope = format!("{} offline_access", SCOPES.join(" "));
        let mut url = url::Url::parse(&format!("{}/authorize", self.sandbox)).unwrap();
        url.query_pairs_mut().extend_pairs([
            ("client_id", "sandbox-client"),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("prompt", "consent"),
            ("audience", "api.atlassian.com"),
            ("state", "of-another-system"),
            ("scope", &scope),
        ]);
        let mut person = person.clone();
        person["url"] = url.as_str().into();
        let callback = self.consent(person).await?;
        let body = json!({
            "grant_type": "authorization_code", "client_id": "sandbox-client", "client_secret": "sandbox-secret",
            "redirect_uri": REDIRECT_URI, "code": query(callback.as_str().unwrap(), "code"),
        });
        send(&self.sandbox, "POST", "/oauth/token", Some(body)).await
    }

    fn options(&self, own: &Value) -> Map<String, Value> {
        let fixture = self.store["fixture"].as_str();
        let file = self.folder.join(fixture.unwrap_or("threelo.db"));
        if let Some(name) = fixture.filter(|_| !file.exists()) {
            std::fs::copy(Path::new(FOLDER).join("fixtures").join(name), &file).unwrap();
        }
        let store = if self.store == "memory" { json!("memory:") } else { json!(file) };
        let mut options = json!({
            "client_id": "sandbox-client", "client_secret": "sandbox-secret", "redirect_uri": REDIRECT_URI,
            "scopes": SCOPES, "store": store, "encryption_key": KEY,
            "endpoints": { "auth": self.sandbox, "api": self.sandbox },
        });
        let options = options.as_object_mut().unwrap();
        for (name, value) in self.vector["client"].as_object().into_iter().chain(own.as_object()).flatten() {
            options.insert(name.clone(), self.fill(value));
        }
        options.retain(|_, value| !value.is_null());
        std::mem::take(options)
    }

    /// Who refuses a file must not have written to it.
    fn check_fixture(&self) -> Outcome {
        let Some(name) = self.store["fixture"].as_str() else { return Ok(()) };
        let content = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        let same = content(&self.folder) == content(&Path::new(FOLDER).join("fixtures"));
        if same { Ok(()) } else { Err(format!("{name} was changed")) }
    }

    async fn client(&self, name: &str) -> Result<Client, threelo_core::Error> {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(name) {
            return Ok(client.clone());
        }
        let own = self.vector.get("clients").map_or_else(|| json!({}), |clients| clients[name].clone());
        let client = face::open(self.options(&own)).await?;
        let (mut subscription, events) = (client.events(), Arc::clone(&self.events));
        tokio::spawn(async move {
            while let Some(event) = subscription.next().await {
                events.lock().unwrap().push(serde_json::to_value(event).unwrap());
            }
        });
        clients.insert(name.to_owned(), client.clone());
        Ok(client)
    }

    async fn wait(&self, step: &Value) -> Outcome {
        let until = Instant::now() + PATIENCE;
        let wanted = self.fill(step.get("event").unwrap_or(&step["expect"]));
        let holds = |one: &Value| {
            wanted.as_object().unwrap().iter().all(|(path, value)| matches(at(one, path), value))
        };
        loop {
            let (happened, state) = match step["await"].as_str() {
                Some(path) => {
                    let state = send(&self.sandbox, "GET", path, None).await?;
                    (holds(&state), state)
                }
                None => {
                    let events = self.events.lock().unwrap().clone();
                    (events.iter().any(holds), Value::from(events))
                }
            };
            if happened {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("{wanted} did not happen; there is {state}"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Puts in what was saved: `${name.path}`, and `${name?parameter}` for a URL.
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, item)| (name.clone(), self.fill(item)))
                .collect::<Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::String(text) => self.fill_text(text),
            other => other.clone(),
        }
    }

    fn fill_text(&self, text: &str) -> Value {
        let Some((before, rest)) = text.split_once("${") else { return text.into() };
        let (name, after) = rest.split_once('}').unwrap();
        let found = self.look_up(name);
        if before.is_empty() && after.is_empty() {
            return found;
        }
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        let after = self.fill_text(after);
        format!("{before}{found}{}", after.as_str().map_or_else(|| after.to_string(), str::to_owned)).into()
    }

    fn look_up(&self, name: &str) -> Value {
        let (name, parameter) = name.split_once('?').map_or((name, None), |(name, one)| (name, Some(one)));
        let saved = Value::Object(self.saved.lock().unwrap().clone());
        let found = at(&saved, name).unwrap_or_else(|| panic!("nothing was saved as {name}"));
        match parameter {
            Some(parameter) => query(found.as_str().unwrap(), parameter).unwrap(),
            None => found.clone(),
        }
    }
}

/// One of the calls that a parallel step stands for.
fn single(step: &Value, number: u64) -> Value {
    let mut one = step.as_object().unwrap().clone();
    one.remove("parallel");
    if let Some(clients) = one.remove("clients") {
        let clients = clients.as_array().unwrap().clone();
        let index = usize::try_from(number).unwrap() % clients.len();
        one.insert("client".to_owned(), clients[index].clone());
    }
    one.into()
}

/// Long texts under secret names: what must never stand in an error.
fn secrets_in(value: &Value) -> Vec<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    match value {
        Value::Object(fields) => ["state", "access_token", "refresh_token"]
            .iter()
            .filter_map(|name| text(fields.get(*name)))
            .collect(),
        Value::String(url) if url.starts_with(REDIRECT_URI) => {
            ["code", "state"].iter().filter_map(|name| text(query(url, name).as_ref())).collect()
        }
        _ => Vec::new(),
    }
}
