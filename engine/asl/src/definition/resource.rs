//! `Resource`: who does a task's work.
//! Source: the service's resource forms, and the plain `worker:` form of our own.

use std::sync::Arc;

/// A task's resource, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// `arn:aws:lambda:<region>:<account>:function:<name>[:alias]`.
    Function {
        /// The whole text, as histories show it.
        arn: Arc<str>,
        /// The function's name, which is its queue.
        name: Arc<str>,
    },
    /// `arn:aws:states:<region>:<account>:activity:<name>`.
    Activity {
        /// The whole text.
        arn: Arc<str>,
        /// The activity's name, which is its queue.
        name: Arc<str>,
    },
    /// `arn:aws:states:::<service>:<action>[.pattern]`.
    Integration {
        /// The whole text.
        arn: Arc<str>,
        /// `lambda`, `sqs`, `aws-sdk:sfn` …
        service: Arc<str>,
        /// `invoke`, `sendMessage` …, without the pattern.
        action: Arc<str>,
        /// How the task ends.
        pattern: Pattern,
        /// `service:action`, which is its queue. Of `lambda:invoke` the queue is the function that the
        /// parameters name: see [`function_name`].
        queue: Arc<str>,
    },
    /// `worker:<name>`.
    Worker {
        /// The whole text.
        text: Arc<str>,
        /// The queue.
        name: Arc<str>,
    },
}

/// How an integration's task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// With the answer to the call.
    RequestResponse,
    /// `.sync`: with the job that the call started.
    Sync,
    /// `.sync:2`: the same, with the output as JSON.
    Sync2,
    /// `.waitForTaskToken`: when somebody hands in the token.
    WaitForTaskToken,
}

impl Resource {
    /// Takes a resource text apart; `None` when it is of none of the four forms. Region and account may be
    /// anything, the words `region` and `account` included.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("worker:") {
            return is_worker_name(name).then(|| Self::Worker { text: text.into(), name: name.into() });
        }
        let mut parts = text.splitn(6, ':');
        let (Some("arn"), Some(partition), Some(service)) = (parts.next(), parts.next(), parts.next()) else {
            return None;
        };
        let (Some(_region), Some(_account), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return None;
        };
        if !partition.starts_with("aws") {
            return None;
        }
        match service {
            "lambda" => {
                let name = qualified_function(rest.strip_prefix("function:")?)?;
                Some(Self::Function { arn: text.into(), name: name.into() })
            }
            "states" => match rest.strip_prefix("activity:") {
                Some(name) => {
                    is_activity_name(name).then(|| Self::Activity { arn: text.into(), name: name.into() })
                }
                None => Self::parse_integration(text, rest),
            },
            _ => None,
        }
    }

    /// Reads `service:action[.pattern]`, where the service may be `aws-sdk:<service>`.
    fn parse_integration(arn: &str, call: &str) -> Option<Self> {
        let (call, pattern) = match call.split_once('.') {
            None => (call, Pattern::RequestResponse),
            Some((call, "sync")) => (call, Pattern::Sync),
            Some((call, "sync:2")) => (call, Pattern::Sync2),
            Some((call, "waitForTaskToken")) => (call, Pattern::WaitForTaskToken),
            Some(_) => return None,
        };
        let (service, action) = call.rsplit_once(':')?;
        let name = service.strip_prefix("aws-sdk:").unwrap_or(service);
        let is_word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (is_word(name) && is_word(action)).then(|| Self::Integration {
            arn: arn.into(),
            service: service.into(),
            action: action.into(),
            pattern,
            queue: call.into(),
        })
    }

    /// As the definition has it.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        match self {
            Self::Function { arn, .. } | Self::Activity { arn, .. } | Self::Integration { arn, .. } => arn,
            Self::Worker { text, .. } => text,
        }
    }

    /// The task queue that the work goes to.
    #[must_use]
    pub fn queue(&self) -> &Arc<str> {
        match self {
            Self::Function { name, .. } | Self::Activity { name, .. } | Self::Worker { name, .. } => name,
            Self::Integration { queue, .. } => queue,
        }
    }
}

/// The function that the `FunctionName` of a `lambda:invoke` names, without version or alias: `FunctionName`
/// is a name, an ARN, or the part of an ARN from the account on. `None` when it is none of these.
#[must_use]
pub fn function_name(text: &str) -> Option<&str> {
    let qualified = text.split_once(":function:").map_or(text, |(_, qualified)| qualified);
    qualified_function(qualified)
}

/// `name[:alias]`: the name, when both are well formed.
fn qualified_function(text: &str) -> Option<&str> {
    let is_word = |text: &str, more: char| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == more)
    };
    let (name, alias) = text.split_once(':').map_or((text, None), |(name, alias)| (name, Some(alias)));
    (is_word(name, '_') && alias.is_none_or(|alias| is_word(alias, '$'))).then_some(name)
}

/// Longest name of an activity, and of a plain worker queue, in characters.
const NAME_CHARS_MAX: usize = 80;

/// The service's rule for the names of activities.
fn is_activity_name(name: &str) -> bool {
    let refused = |c: char| c.is_whitespace() || c.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    !name.contains(refused) && (1..=NAME_CHARS_MAX).contains(&name.chars().count())
}

/// Our own rule: whatever can be typed and seen.
fn is_worker_name(name: &str) -> bool {
    let refused = |c: char| c.is_whitespace() || c.is_control();
    !name.contains(refused) && (1..=NAME_CHARS_MAX).contains(&name.chars().count())
}

impl Pattern {
    /// As it stands at the end of a resource.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::RequestResponse => "",
            Self::Sync => ".sync",
            Self::Sync2 => ".sync:2",
            Self::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}
