//! The fields that queries may name, and what issues have in them.

use serde_json::Value;

use crate::jira::data::{Position, SiteData};

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Project,
    Key,
    Status,
    StatusCategory,
    Type,
    Priority,
    Resolution,
    Assignee,
    Labels,
    Summary,
    Created,
    Updated,
}

/// How a field may be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// By name: `=`, `!=`, `in`, `not in`, `is`, `is not`.
    Name,
    /// Issues: by name, and by number with `<`, `<=`, `>`, `>=`.
    Issue,
    /// Texts: `~`, `!~`, `is`, `is not`.
    Text,
    /// Dates: everything but `~` and `!~`.
    Date,
}

impl Field {
    /// The field of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "project" => Self::Project,
            "key" | "issuekey" | "issue" | "id" => Self::Key,
            "status" => Self::Status,
            "statuscategory" => Self::StatusCategory,
            "issuetype" | "type" => Self::Type,
            "priority" => Self::Priority,
            "resolution" => Self::Resolution,
            "assignee" => Self::Assignee,
            "labels" => Self::Labels,
            "summary" => Self::Summary,
            "created" | "createddate" => Self::Created,
            "updated" | "updateddate" => Self::Updated,
            _ => return None,
        })
    }

    /// How it may be compared.
    pub(super) fn family(self) -> Family {
        match self {
            Self::Key => Family::Issue,
            Self::Summary => Family::Text,
            Self::Created | Self::Updated => Family::Date,
            _ => Family::Name,
        }
    }

    /// Whether it is sorted downwards where the query does not say.
    pub(super) fn falls(self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Key)
    }

    /// By what names an issue's value is known; none where it has no value.
    pub(super) fn names(self, data: &SiteData, at: Position) -> Vec<String> {
        let inside = |name: &str, member: &str| {
            let value = data.value(at, name);
            value.get(member).and_then(Value::as_str).map(str::to_owned)
        };
        let one = |name: Option<String>| name.into_iter().collect();
        match self {
            Self::Project => match data.project_of(at) {
                Some(project) => vec![project.key.clone(), project.name.clone(), project.id.to_string()],
                None => Vec::new(),
            },
            Self::Key => one(data.key(at)),
            // The sandbox's three statuses are named as the categories they are in.
            Self::Status | Self::StatusCategory => one(inside("status", "name")),
            Self::Type => one(inside("issuetype", "name")),
            Self::Priority => one(inside("priority", "name")),
            Self::Resolution => one(inside("resolution", "name")),
            Self::Assignee => one(inside("assignee", "accountId").or_else(|| inside("assignee", "id"))),
            Self::Labels => {
                let labels = data.value(at, "labels");
                let labels = labels.as_array().into_iter().flatten();
                labels.filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Self::Summary => one(data.value(at, "summary").as_str().map(str::to_owned)),
            Self::Created | Self::Updated => one(Some(self.number(data, at).1.to_string())),
        }
    }

    /// Its number beside others: of dates the milliseconds, otherwise the issue's in its project, which comes along.
    pub(super) fn number(self, data: &SiteData, at: Position) -> (usize, i64) {
        let (project, number) = data.place(at);
        let number = match self {
            Self::Created => data.created_at(at),
            Self::Updated => data.updated_at(at),
            _ => i64::try_from(number).unwrap_or(i64::MAX),
        };
        (project, number)
    }

    /// What it is sorted by.
    pub(super) fn rank(self, data: &SiteData, at: Position) -> (i64, String) {
        let first = || self.names(data, at).into_iter().next().unwrap_or_default().to_lowercase();
        match self {
            Self::Created | Self::Updated => (self.number(data, at).1, String::new()),
            Self::Key => {
                let (project, number) = data.place(at);
                (i64::try_from(project).unwrap_or(i64::MAX), format!("{number:020}"))
            }
            Self::Status | Self::StatusCategory => {
                let name = first();
                let known = SiteData::STATUSES.iter().position(|one| one.eq_ignore_ascii_case(&name));
                (known.and_then(|at| i64::try_from(at).ok()).unwrap_or(i64::MAX), name)
            }
            _ => (0, first()),
        }
    }

    /// Whether there is such a value. Of the other fields, whose values callers make, anything may be asked for.
    pub(super) fn has(self, data: &SiteData, value: &str) -> bool {
        let same = |name: &&str| name.eq_ignore_ascii_case(value);
        match self {
            Self::Project => data.projects.iter().any(|project| {
                [project.key.as_str(), &project.name, &project.id.to_string()].iter().any(same)
            }),
            Self::StatusCategory => SiteData::STATUSES.iter().any(same),
            Self::Status => SiteData::STATUSES.iter().any(same) || data.was_given("status", value),
            Self::Type => SiteData::TYPES.iter().any(same) || data.was_given("issuetype", value),
            _ => true,
        }
    }
}
