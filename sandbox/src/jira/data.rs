//! What a Jira site contains. Seeded issues are computed when asked for; only what callers changed is stored.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::clock::{Millis, SECOND, jira_date};
use crate::multipart::Part;
use crate::world::{Product, Site};

/// First issue id of a site.
const FIRST_ID: u64 = 10_001;

/// A project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// Key, such as `ACME`.
    pub(crate) key: String,
    /// Id.
    pub(crate) id: u64,
    /// Name.
    pub(crate) name: String,
}

/// An issue somebody created.
#[derive(Debug, Clone)]
struct Created {
    project: usize,
    number: u64,
    at: Millis,
}

/// A comment.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    /// Id.
    pub(crate) id: u64,
    /// Account id of its author.
    pub(crate) author: String,
    /// Body, as it was sent.
    pub(crate) body: Value,
    /// When it was made.
    pub(crate) at: Millis,
}

/// An attachment.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    /// Id.
    pub(crate) id: u64,
    /// The issue it belongs to.
    pub(crate) issue: Position,
    /// File name.
    pub(crate) name: String,
    /// Content type.
    pub(crate) kind: String,
    /// Content.
    pub(crate) content: Bytes,
    /// Account id of its author.
    pub(crate) author: String,
    /// When it was made.
    pub(crate) at: Millis,
}

/// Where an issue stands: seeded ones first, then created ones.
pub(crate) type Position = u64;

/// The content of a site.
#[derive(Debug)]
pub(crate) struct SiteData {
    /// Its projects.
    pub(crate) projects: Vec<Project>,
    seeded: u64,
    started: Millis,
    created: Vec<Created>,
    changes: HashMap<Position, Map<String, Value>>,
    deleted: HashSet<Position>,
    touched: HashMap<Position, Millis>,
    /// Comments that callers made.
    pub(crate) comments: BTreeMap<Position, Vec<Comment>>,
    /// Attachments that callers made.
    pub(crate) attachments: Vec<Attachment>,
    /// How many edits there were.
    pub(crate) edits: u64,
    next_comment: u64,
}

impl SiteData {
    /// The statuses there are, in the order of the work.
    pub(crate) const STATUSES: [&str; 3] = ["To Do", "In Progress", "Done"];
    /// The types of seeded issues.
    pub(crate) const TYPES: [&str; 3] = ["Task", "Bug", "Story"];

    /// The content of a fresh site.
    #[must_use]
    pub(crate) fn new(site: &Site, started: Millis) -> Self {
        let jira = site.products.contains(&Product::Jira);
        let letters: String = site.subdomain.chars().filter(char::is_ascii_alphanumeric).collect();
        let key = letters.to_uppercase();
        let project = |at: u64| Project {
            key: if at == 0 { key.clone() } else { format!("{key}P{at}") },
            id: 10_000 + at,
            name: if at == 0 { site.name.clone() } else { format!("{} project {at}", site.name) },
        };
        let projects: Vec<Project> = (0..if jira { site.projects } else { 0 }).map(project).collect();
        Self {
            seeded: if projects.is_empty() { 0 } else { site.issues },
            projects,
            started,
            created: Vec::new(),
            changes: HashMap::new(),
            deleted: HashSet::new(),
            touched: HashMap::new(),
            comments: BTreeMap::new(),
            attachments: Vec::new(),
            edits: 0,
            next_comment: 10_000,
        }
    }

    /// How many issues were there from the beginning.
    #[must_use]
    pub(crate) fn seeded(&self) -> u64 {
        self.seeded
    }

    /// Keys of the issues that callers created, deleted ones included.
    #[must_use]
    pub(crate) fn created_keys(&self) -> Vec<String> {
        (self.seeded..self.end()).filter_map(|at| self.key(at)).collect()
    }

    fn end(&self) -> Position {
        self.seeded + self.created.len() as u64
    }

    /// Positions of all issues that were not deleted.
    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        (0..self.end()).filter(|at| !self.deleted.contains(at))
    }

    fn made(&self, at: Position) -> Option<&Created> {
        self.created.get(usize::try_from(at.checked_sub(self.seeded)?).ok()?)
    }

    /// The project of an issue.
    #[must_use]
    pub(crate) fn project_of(&self, at: Position) -> Option<&Project> {
        self.projects.get(self.made(at).map_or(0, |made| made.project))
    }

    /// When an issue was made: seeded ones a minute apart, before the world began.
    #[must_use]
    pub(crate) fn created_at(&self, at: Position) -> Millis {
        let before = Millis::try_from(self.seeded - at.min(self.seeded)).unwrap_or(0);
        self.made(at).map_or(self.started - before * 60 * SECOND, |made| made.at)
    }

    /// When an issue was last changed, commented or given an attachment.
    #[must_use]
    pub(crate) fn updated_at(&self, at: Position) -> Millis {
        self.touched.get(&at).copied().unwrap_or_else(|| self.created_at(at))
    }

    /// The project an issue is in, counted from 0, and its number there.
    #[must_use]
    pub(crate) fn place(&self, at: Position) -> (usize, u64) {
        self.made(at).map_or((0, at + 1), |made| (made.project, made.number))
    }

    /// The key of an issue.
    #[must_use]
    pub(crate) fn key(&self, at: Position) -> Option<String> {
        Some(format!("{}-{}", self.project_of(at)?.key, self.place(at).1))
    }

    /// The id of an issue.
    #[must_use]
    pub(crate) fn id(&self, at: Position) -> u64 {
        FIRST_ID + at
    }

    /// Finds an issue by key or id.
    #[must_use]
    pub(crate) fn find(&self, named: &str) -> Option<Position> {
        let at = match named.rsplit_once('-') {
            None => named.parse::<u64>().ok()?.checked_sub(FIRST_ID)?,
            Some((project, number)) => {
                let number: u64 = number.parse().ok()?;
                let project = self.projects.iter().position(|one| one.key.eq_ignore_ascii_case(project))?;
                if project == 0 && (1..=self.seeded).contains(&number) {
                    number - 1
                } else {
                    let same = |one: &Created| one.project == project && one.number == number;
                    self.seeded + self.created.iter().position(same)? as u64
                }
            }
        };
        (at < self.end() && !self.deleted.contains(&at)).then_some(at)
    }

    /// Makes an issue.
    pub(crate) fn create(&mut self, project: usize, fields: Map<String, Value>, now: Millis) -> Position {
        let in_project = self.created.iter().filter(|one| one.project == project).count() as u64;
        let seeded = if project == 0 { self.seeded } else { 0 };
        self.created.push(Created { project, number: seeded + in_project + 1, at: now });
        let at = self.end() - 1;
        self.changes.insert(at, fields);
        at
    }

    /// Changes fields of an issue.
    pub(crate) fn edit(&mut self, at: Position, fields: Map<String, Value>, now: Millis) {
        self.edits += 1;
        self.touched.insert(at, now);
        self.changes.entry(at).or_default().extend(fields);
    }

    /// Removes an issue.
    pub(crate) fn delete(&mut self, at: Position) {
        self.deleted.insert(at);
    }

    /// Adds a comment.
    pub(crate) fn comment(&mut self, at: Position, author: &str, body: Value, now: Millis) -> Comment {
        let comment = Comment { id: self.next_comment, author: author.to_owned(), body, at: now };
        self.next_comment += 1;
        self.comments.entry(at).or_default().push(comment.clone());
        self.touched.insert(at, now);
        comment
    }

    /// Adds an attachment.
    pub(crate) fn attach(&mut self, issue: Position, author: &str, file: Part, at: Millis) -> Attachment {
        let id = 10_000 + self.attachments.len() as u64;
        let (name, kind, content) = (file.file_name, file.kind, file.content);
        let attachment = Attachment { id, issue, name, kind, content, author: author.to_owned(), at };
        self.attachments.push(attachment.clone());
        self.touched.insert(issue, at);
        attachment
    }

    /// When the world began.
    pub(crate) fn started(&self) -> Millis {
        self.started
    }

    /// What stands in one of the fields that issues are searched by; null where nothing does.
    #[must_use]
    pub(crate) fn value(&self, at: Position, name: &str) -> Value {
        let pick = |names: &[&'static str], step: u64| {
            let index = usize::try_from(at / step).unwrap_or(0) % names.len().max(1);
            names.get(index).copied().unwrap_or_default()
        };
        if let Some(given) = self.changes.get(&at).and_then(|fields| fields.get(name)) {
            return given.clone();
        }
        match name {
            "summary" => json!(format!("Seeded issue {}", at + 1)),
            "status" => {
                json!({"name": if self.made(at).is_some() { "To Do" } else { pick(&Self::STATUSES, 1) }})
            }
            "issuetype" => json!({"name": pick(&Self::TYPES, 3), "subtask": false}),
            "priority" => json!({"name": "Medium"}),
            "resolution" => match self.value(at, "status").get("name").and_then(Value::as_str) {
                Some("Done") => json!({"name": "Done"}),
                _ => Value::Null,
            },
            "labels" => json!([]),
            _ => Value::Null,
        }
    }

    /// Whether a caller gave a field a value of this name.
    #[must_use]
    pub(crate) fn was_given(&self, field: &str, name: &str) -> bool {
        let mut given = self.changes.values().filter_map(|fields| fields.get(field)?.get("name")?.as_str());
        given.any(|one| one.eq_ignore_ascii_case(name))
    }

    /// All fields of an issue.
    #[must_use]
    pub(crate) fn fields(&self, at: Position) -> Map<String, Value> {
        let project = self.project_of(at);
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        for name in
            ["summary", "status", "issuetype", "priority", "resolution", "assignee", "labels", "description"]
        {
            put(name, self.value(at, name));
        }
        let attached = self.attachments.iter().filter(|one| one.issue == at);
        put(
            "attachment",
            attached.map(|one| json!({"id": one.id.to_string(), "filename": one.name})).collect(),
        );
        put("created", json!(jira_date(self.created_at(at))));
        put("updated", json!(jira_date(self.updated_at(at))));
        if let Some(project) = project {
            put("project", json!({"id": project.id.to_string(), "key": project.key, "name": project.name}));
        }
        for (name, value) in self.changes.get(&at).into_iter().flatten() {
            // The project is what it was resolved to, not what the caller called it.
            if name != "project" {
                fields.insert(name.clone(), value.clone());
            }
        }
        fields
    }
}
