//! HTML pages, from templates that are compiled into the functions (`shared/templates`).
//!
//! Pages need no scripts and nothing from another host: each contains the one style sheet, which its policy allows by
//! its hash.

mod form;
mod form_errors;
mod notice;
mod response;
mod sessions;
mod views;

pub(crate) use self::form::error_page;
pub use self::{
    form::{Form, FormRejection},
    form_errors::FormErrors,
    notice::{Notice, with_notice},
    response::{see_other, show},
    views::{AccountPage, LogInPage, Part, SignUpPage, UsersPage},
};
