//! What the clients asked and what they were answered: the only thing that the checker knows of a run.

use std::{collections::BTreeSet, fmt, rc::Rc, time::Instant};

/// A resource that was asked for, by the number that this command gives it. Its SCIM id is found out later.
pub(super) type Number = usize;

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sort {
    User,
    Group,
}

impl Sort {
    /// Its endpoint.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }

    /// The attribute that holds its unique name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "userName",
            Self::Group => "displayName",
        }
    }
}

/// A value of a resource that is changed and looked at by itself. The name is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    Name,
    Display,
    Given,
    Title,
    External,
    Active,
}

impl Attribute {
    /// Those that a mapping may lack.
    pub(super) const OPTIONAL: [Self; 5] =
        [Self::Display, Self::Given, Self::Title, Self::External, Self::Active];

    /// Its path in a resource.
    pub(super) fn path(self, sort: Sort) -> &'static str {
        match self {
            Self::Name => sort.name(),
            Self::Display => "displayName",
            Self::Given => "name.givenName",
            Self::Title => "title",
            Self::External => "externalId",
            Self::Active => "active",
        }
    }
}

/// Attributes with values.
pub(super) type Values = Vec<(Attribute, String)>;

/// What a request wants of the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Members {
    /// Nothing.
    Same,
    /// These are members, too.
    With(BTreeSet<Number>),
    /// This one is none.
    Without(Number),
    /// These are all.
    All(BTreeSet<Number>),
}

/// A kind of request, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    CreateUser,
    CreateGroup,
    TakenName,
    Get,
    List,
    Find,
    Replace,
    Patch,
    Rename,
    Switch,
    AddMember,
    RemoveMember,
    Delete,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::CreateUser => "create a user",
            Self::CreateGroup => "create a group",
            Self::TakenName => "create with a name that is in use",
            Self::Get => "read",
            Self::List => "list",
            Self::Find => "find by name",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Rename => "rename",
            Self::Switch => "deactivate, reactivate",
            Self::AddMember => "add a member",
            Self::RemoveMember => "remove a member",
            Self::Delete => "delete",
        }
    }

    /// True if it makes a resource.
    pub(super) fn creates(self) -> bool {
        matches!(self, Self::CreateUser | Self::CreateGroup | Self::TakenName)
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// 2xx.
    Done,
    /// 4xx: for certain not carried out.
    Refused { status: u16, detail: String },
    /// Come back later: may have been carried out.
    Later,
    /// No answer; true if the gateway was killed meanwhile. May have been carried out.
    Lost { is_excused: bool, why: String },
    /// An answer that is none: 5xx other than 503, 503 without `Retry-After`, a body that is not what was asked for.
    Wrong { status: u16, detail: String },
}

/// A resource as an answer shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) id: String,
    /// Whose it is; `None` if nobody asked for such a resource.
    pub(super) number: Option<Number>,
    pub(super) values: Values,
    /// Members, by their SCIM ids.
    pub(super) members: Option<BTreeSet<String>>,
    /// Groups, by their SCIM ids.
    pub(super) groups: Option<BTreeSet<String>>,
}

/// What an answer leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// It says nothing about others.
    Nothing,
    /// All resources of a sort would be in it.
    OthersOf(Sort),
    /// A resource of a sort with this name would be in it.
    Name(Sort, String),
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) client: usize,
    pub(super) kind: Kind,
    /// Which of the replicas was asked.
    pub(super) replica: usize,
    /// When the same was asked for the first time: before `began` if it is a repetition of one that may have been carried
    /// out.
    pub(super) asked: Instant,
    pub(super) number: Option<Number>,
    pub(super) writes: Values,
    /// A creation in a directory, with a password that is set apart.
    pub(super) sets_password: bool,
    pub(super) members: Members,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) outcome: Outcome,
    /// Images that are the same are one: a long history would not fit otherwise.
    pub(super) seen: Vec<Rc<Image>>,
    pub(super) missing: Missing,
}

impl Event {
    /// True if what it wanted may have come about.
    pub(super) fn may_be_done(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused { .. })
    }

    /// True if it is a repetition of a request that may have been carried out.
    pub(super) fn is_repeated(&self) -> bool {
        self.asked < self.began
    }

    /// Since when what it wanted may have come about, if it is done. A resource is made once: who asks for it again may be
    /// answered with the one that the first request made, and with what others have made of that meanwhile.
    pub(super) fn may_be_since(&self) -> Instant {
        if self.kind.creates() { self.asked } else { self.began }
    }

    /// True if what it wanted has come about.
    pub(super) fn is_done(&self) -> bool {
        self.outcome == Outcome::Done
    }

    /// As a line of a report.
    pub(super) fn line(&self, start: Instant) -> String {
        let at = |when: Instant| when.saturating_duration_since(start).as_millis();
        let number = self.number.map_or_else(String::new, |number| format!(" #{number}"));
        let again = if self.is_repeated() { " again" } else { "" };
        let mut line = format!(
            "{:>7}–{:>7} ms  client {} at {}  {}{again}{number}",
            at(self.began),
            at(self.ended),
            self.client,
            self.replica,
            self.kind.word()
        );
        for (attribute, value) in &self.writes {
            line.push_str(&format!(" {attribute:?}={value}"));
        }
        match &self.members {
            Members::Same => {}
            members => line.push_str(&format!(" {members:?}")),
        }
        line.push_str(&format!(" → {}", self.outcome));
        line
    }
}

impl Image {
    /// As a line of a report.
    pub(super) fn line(&self) -> String {
        let values: Vec<String> = self.values.iter().map(|(a, v)| format!("{a:?}={v}")).collect();
        format!(
            "shows {} {}{}",
            self.id,
            values.join(" "),
            match &self.members {
                Some(members) => format!(" members {members:?}"),
                None => String::new(),
            }
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused { status, detail } => write!(f, "{status} {detail}"),
            Self::Later => f.write_str("503, later"),
            Self::Lost { is_excused: true, why } => write!(f, "no answer while it was killed ({why})"),
            Self::Lost { is_excused: false, why } => write!(f, "no answer ({why})"),
            Self::Wrong { status, detail } => write!(f, "{status} {detail}"),
        }
    }
}
