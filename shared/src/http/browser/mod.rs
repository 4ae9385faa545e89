//! What browsers send beside the form's fields: the wish for a page, the origin of a form, cookies, and the page to
//! return to.

pub mod cookies;
mod negotiation;
mod return_to;
pub(crate) mod same_origin;

pub use self::{
    negotiation::wants_page,
    return_to::ReturnTo,
    same_origin::{check_origin, check_reading, is_same_origin},
};
