//! Every form with a password says which account the password belongs to.

use testkit::{ADA, Answer, GRACE, Service};

use crate::pages::{get, post, seen, signed_in};

/// The forms of a page that have a password, each as the tags of its fields in order.
fn password_forms(page: &Answer) -> Vec<Vec<&str>> {
    let forms = page.text.split("<form ").skip(1).map(|form| form.split("</form>").next().unwrap());
    let fields = forms.map(|form| form.split("<input ").skip(1).map(|tag| tag.split('>').next().unwrap()).collect());
    fields.filter(|fields: &Vec<&str>| fields.iter().any(|tag| tag.contains("type=\"password\""))).collect()
}

/// Checks that the password fields of each form follow a field with the name of the user, as browsers expect it.
fn check(page: &Answer, forms: usize, email: &str) {
    let found = password_forms(page);
    assert_eq!(found.len(), forms, "{page:?}");
    for form in found {
        let (username, rest) = form
            .iter()
            .position(|tag| tag.contains("autocomplete=\"username\""))
            .map_or_else(|| panic!("no user name in {form:?}"), |position| (form[position], &form[position + 1..]));
        assert!(username.contains("type=\"text\"") || username.contains("type=\"email\""), "{username}");
        assert!(username.contains(&format!("value=\"{email}\"")), "{username}");
        let passwords = form.iter().filter(|tag| tag.contains("type=\"password\"")).count();
        assert_eq!(rest.iter().filter(|tag| tag.contains("type=\"password\"")).count(), passwords, "{form:?}");
    }
}

#[tokio::test]
async fn every_password_form_has_a_field_for_the_user_name() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    for path in ["/", "/login", "/?return_to=%2Fuser", "/signup"] {
        check(&get(&service, path, &[]).await, 1, "");
    }
    let rejected = post(&service, "/login", &[], &[("email", ADA[1]), ("password", "tortoise lamp quarrel")]).await;
    check(&rejected, 1, ADA[1]);
    let rejected = post(&service, "/signup", &[], &[("email", GRACE[1]), ("password", "short")]).await;
    check(&rejected, 1, GRACE[1]);
    check(&get(&service, "/user/me", &cookies).await, 3, ADA[1]);
    let fields = [("current_password", "tortoise lamp quarrel"), ("new_password", "short")];
    check(&post(&service, "/password", &cookies, &fields).await, 3, ADA[1]);
    let fields = [("_method", "DELETE"), ("password", "tortoise lamp quarrel")];
    check(&post(&service, "/user/me", &cookies, &fields).await, 3, ADA[1]);
}

#[tokio::test]
async fn the_field_for_the_user_name_is_neither_shown_nor_submitted() {
    let service = Service::start().await;
    let page = get(&service, "/user/me", &signed_in(&service).await).await;
    assert_eq!(seen(&page), (200, "Your account", ""));
    assert!(page.text.contains("[hidden] { display: none; }"), "inputs are blocks otherwise");
    for form in password_forms(&page) {
        let username = form.iter().find(|tag| tag.contains("autocomplete=\"username\"")).unwrap();
        assert!(username.ends_with(" hidden") && !username.contains("name="), "{username}");
    }
}
