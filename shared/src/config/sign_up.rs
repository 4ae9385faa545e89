//! Restrictions on sign-up.

use super::env::{ConfigError, Env, Variable};
use crate::domain::user::{Email, EmailDomain};

pub(super) const SIGN_UP: Variable = Variable::fixed("SIGNUP", "open");
pub(super) const DOMAINS: Variable = Variable::unset("SIGNUP_DOMAINS");

/// Restrictions on sign-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUpSettings {
    /// `SIGNUP`.
    pub is_open: bool,
    /// `SIGNUP_DOMAINS`: empty admits addresses of every domain.
    pub domains: Vec<EmailDomain>,
}

impl SignUpSettings {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let is_open = match env.required(&SIGN_UP)?.as_str() {
            "open" => true,
            "closed" => false,
            _ => return Err(SIGN_UP.error("must be open or closed")),
        };
        Ok(Self { is_open, domains: domains(env)? })
    }

    /// Whether an address may sign up while sign-up is open.
    ///
    /// ```
    /// # use shared::{config::SignUpSettings, domain::user::{Email, EmailDomain}};
    /// let domains = vec![EmailDomain::parse("example.com").unwrap()];
    /// let sign_up = SignUpSettings { is_open: true, domains };
    /// assert!(sign_up.admits(&Email::parse("ada@Example.COM").unwrap()));
    /// assert!(!sign_up.admits(&Email::parse("ada@mail.example.com").unwrap()));
    /// ```
    pub fn admits(&self, email: &Email) -> bool {
        self.domains.is_empty() || self.domains.iter().any(|domain| email.is_in(domain))
    }
}

fn domains(env: &Env<'_>) -> Result<Vec<EmailDomain>, ConfigError> {
    let Some(text) = env.text(&DOMAINS)? else { return Ok(Vec::new()) };
    let parse = |(index, entry): (usize, &str)| {
        EmailDomain::parse(entry.trim()).ok_or_else(|| {
            let number = index + 1;
            DOMAINS.error(format!(
                "must be a comma-separated list of domains such as example.com, without @ and *: entry {number} is not \
                 a domain"
            ))
        })
    };
    text.split(',').enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::env::with_env, *};

    fn read(variables: &[(&str, &str)]) -> Result<SignUpSettings, ConfigError> {
        with_env(variables, SignUpSettings::read)
    }

    fn admits(domains: &str, address: &str) -> bool {
        read(&[("SIGNUP_DOMAINS", domains)]).unwrap().admits(&Email::parse(address).unwrap())
    }

    #[test]
    fn sign_up_is_open_to_every_domain_by_default() {
        for variables in [&[][..], &[("SIGNUP", "")], &[("SIGNUP", "open"), ("SIGNUP_DOMAINS", "")]] {
            assert_eq!(read(variables), Ok(SignUpSettings { is_open: true, domains: Vec::new() }));
        }
        assert!(!read(&[("SIGNUP", "closed")]).unwrap().is_open);
        for value in ["Closed", "CLOSED", "off", "on", "false", "open ", "invite"] {
            assert_eq!(read(&[("SIGNUP", value)]).unwrap_err().variable, "SIGNUP", "{value}");
        }
    }

    #[test]
    fn domains_are_compared_in_canonical_form_and_exactly() {
        let list = " Example.COM , bücher.example,example.com";
        for address in ["ada@example.com", "ADA@EXAMPLE.com", "ada@xn--bcher-kva.example", "ada@BÜCHER.example"] {
            assert!(admits(list, address), "{address}");
        }
        for address in [
            "ada@mail.example.com",
            "ada@example.com.example",
            "ada@badexample.com",
            "ada@ample.com",
            "ada@example.co",
            "ada@bucher.example",
            "example.com@example.org",
        ] {
            assert!(!admits(list, address), "{address}");
        }
    }

    #[test]
    fn an_entry_that_is_not_a_domain_is_rejected_with_its_number() {
        for (list, number) in [
            ("example", 1),
            ("example.com,", 2),
            (",example.com", 1),
            ("example.com,*.example.com", 2),
            ("example.com,example.org,@example.net", 3),
            ("example.com;example.org", 1),
            ("example.com example.org", 1),
            ("ada@example.com", 1),
            ("192.0.2.1", 1),
            (" ", 1),
        ] {
            let error = read(&[("SIGNUP_DOMAINS", list)]).unwrap_err();
            assert_eq!(error.variable, "SIGNUP_DOMAINS");
            assert!(error.to_string().ends_with(&format!("entry {number} is not a domain")), "{list}: {error}");
        }
    }
}
