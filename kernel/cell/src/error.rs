use crate::json::Json;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call of SignalTree failed, and what to do about it.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    code: String,
    message: String,
    hint: String,
}

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Error {
            code: "error".into(),
            message: message.into(),
            hint: String::new(),
        }
    }

    /// The same error with advice on what to do.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Stable identifier: `not_found`, `invalid_parameter`, `interrupted`, …
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What went wrong and where.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it; may be empty.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    pub(crate) fn interrupted() -> Self {
        Error {
            code: "interrupted".into(),
            message: "interrupted".into(),
            hint: String::new(),
        }
    }

    /// An error the kernel sent: JSON `{code, message, hint}`, or plain text.
    pub(crate) fn from_reply(reply: &str) -> Self {
        let parsed = Json::parse(reply);
        let member = |name: &str| {
            parsed
                .as_ref()
                .and_then(|json| json.get(name).text())
                .map(str::to_owned)
        };
        match member("message") {
            Some(message) => Error {
                code: member("code").unwrap_or_else(|| "error".into()),
                message,
                hint: member("hint").unwrap_or_default(),
            },
            None => Error::new(reply),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(out, "\nhint: {}", self.hint)?;
        }
        Ok(())
    }
}

/// The same text as `Display`: `unwrap` and `?` print this one, and people read it.
impl std::fmt::Debug for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_becomes_message_and_hint() {
        let error = Error::from_reply(
            r#"{"code":"not_found","message":"a.zspy does not exist","hint":"check the path"}"#,
        );
        assert_eq!(error.code(), "not_found");
        assert_eq!(
            error.to_string(),
            "a.zspy does not exist\nhint: check the path"
        );
        assert_eq!(Error::from_reply("plain").to_string(), "plain");
    }
}
