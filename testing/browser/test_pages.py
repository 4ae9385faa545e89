"""Tests of the pages in Chromium.

Usage: CHROMIUM=… LOCAL=… AXE=… SCREENSHOTS=… python testing/browser/test_pages.py [TEST…]
LOCAL is the program `local`, AXE is axe-core's axe.min.js, and SCREENSHOTS is the folder for README's pictures.
"""

import os
import re
import sys
import unittest
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from other_site import OtherSite

sys.path.append(str(Path(__file__).resolve().parents[1]))

from service import PASSWORD, Service  # noqa: E402

LOCAL, AXE, SCREENSHOTS = (os.environ[name] for name in ("LOCAL", "AXE", "SCREENSHOTS"))
CHROMIUM = os.environ["CHROMIUM"]
NEW_PASSWORD = "a better tortoise lamp quarrel"
# Bytes of a response body.
MAX_WEIGHT = 15_000
WIDTHS = (320, 768, 1440)
AXE_RUN = "axe.run().then(result => result.violations.map(rule => [rule.id, rule.nodes.map(node => node.html)]))"
expect.set_options(timeout=30_000)
TOO_MANY = re.compile(r"There were too many tries\. Wait \d+ (seconds|minutes), then try again\.")


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        arguments = ["--no-sandbox", "--disable-quic", "--disable-sync"]
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def serve(self, **settings):
        service = Service(LOCAL, separate_database=True, **settings)
        self.addCleanup(service.stop)
        return service

    def open(self, service, scripts=True, watched=True):
        """A page in a new browser profile. Every test fails if a watched page loads or logs what it must not."""
        context = self.browser.new_context(base_url=service.url, java_script_enabled=scripts)
        self.addCleanup(context.close)
        page = context.new_page()
        # Without a database a page takes eight seconds, and the machine may be busy.
        page.set_default_timeout(30_000)
        if watched:
            self.watch(page, service)
        return page

    def watch(self, page, service):
        faults = []
        own_urls = (f"{service.url}/", "data:")
        page.on("request", lambda request: request.url.startswith(own_urls) or faults.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))

        def read_console(line):
            # Chromium reports a page with a status of 400 and above as a resource that failed to load.
            if line.type in ("error", "warning") and "the server responded with a status of" not in line.text:
                faults.append(line.text)

        page.on("console", read_console)

        def weigh(response):
            weight = int(response.headers.get("content-length", 0))
            if weight > MAX_WEIGHT:
                faults.append(f"{response.url} weighs {weight}")

        page.on("response", weigh)
        self.addCleanup(lambda: self.assertEqual(faults, []))

    def fill(self, page, **fields):
        for label, value in fields.items():
            page.get_by_label(label.replace("_", " "), exact=True).fill(value)

    def sign_up(self, page, name="Ada Lovelace", email="ada@example.com", password=PASSWORD):
        page.goto("/signup")
        self.fill(page, Name=name, **{"E-mail address": email}, Password=password)
        page.get_by_role("button", name="Sign up").click()

    def log_in(self, page, email="ada@example.com", password=PASSWORD):
        self.fill(page, **{"E-mail address": email}, Password=password)
        page.get_by_role("button", name="Log in").click()

    def member(self, **settings):
        """A service, and a page of the signed-in user Ada."""
        service = self.serve(**settings)
        service.public_id = service.sign_up()
        page = self.open(service)
        page.goto("/")
        self.log_in(page)
        expect(page).to_have_url(re.compile("/user$"))
        return service, page

    def assert_heading(self, page, heading):
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)

    def assert_failed(self, page, sentence, field=None):
        """The error is in the title, in the summary at the top, and beside the field."""
        expect(page).to_have_title(re.compile("^Error: "))
        summary = page.get_by_role("alert")
        expect(summary).to_contain_text(sentence)
        expect(summary).to_be_focused()
        if field:
            field = page.get_by_label(field, exact=True)
            expect(field).to_have_attribute("aria-invalid", "true")
            pattern = sentence if isinstance(sentence, str) else sentence.pattern
            expect(field).to_have_accessible_description(re.compile(pattern))

    # ---- The main journey

    def journey(self, page):
        page.goto("/")
        self.assert_heading(page, "Log in")
        page.get_by_role("link", name="Sign up").click()
        self.assert_heading(page, "Sign up")
        self.sign_up(page)
        expect(page.get_by_role("status")).to_have_text("Your account is ready. Log in to begin.")

        self.log_in(page, password="not this one")
        expect(page.get_by_label("Password", exact=True)).to_have_value("")
        expect(page.get_by_label("E-mail address")).to_have_value("ada@example.com")
        self.log_in(page)
        self.assert_heading(page, "Users")
        expect(page.get_by_role("banner")).to_contain_text("Signed in as Ada Lovelace")
        expect(page.get_by_role("cell")).to_have_text(["Ada Lovelace", "ada@example.com"])
        page.reload()
        self.assert_heading(page, "Users")

        page.get_by_role("link", name="Your account").click()
        self.assert_heading(page, "Your account")
        self.fill(page, Current_password=PASSWORD, New_password=NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("status")).to_contain_text("Your password is changed")

        page.get_by_role("button", name="Log out", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("You are logged out.")
        page.go_back()
        self.assert_heading(page, "Log in")
        self.log_in(page, password=PASSWORD)
        expect(page.get_by_role("alert")).to_be_focused()
        self.log_in(page, password=NEW_PASSWORD)
        self.assert_heading(page, "Your account")

        self.fill(page, Password=NEW_PASSWORD)
        page.get_by_role("button", name="Delete account").click()
        expect(page.get_by_role("status")).to_have_text("Your account is deleted.")

    def test_a_user_signs_up_logs_in_changes_the_password_logs_out_and_deletes_the_account(self):
        service = self.serve()
        self.journey(self.open(service))
        self.assertEqual([service.count(table) for table in ("Users", "Credentials", "Sessions")], [0, 0, 0])

    def test_the_journey_needs_no_script(self):
        self.journey(self.open(self.serve(), scripts=False))

    def test_the_journey_is_the_same_in_the_strict_profile(self):
        service = self.serve(AUTH_PROFILE="strict", LIST_USERS_GROUP="")
        self.journey(self.open(service))

    def test_log_in_works_with_the_keyboard_alone(self):
        service = self.serve()
        service.sign_up()
        page = self.open(service)
        page.goto("/")
        keys = page.keyboard
        for text in ("ada@example.com", "not this one"):
            keys.press("Tab")
            keys.type(text)
        keys.press("Enter")
        self.assert_failed(page, "The password is not the account's.", "Password")
        # The summary has the focus, and its link leads to the field.
        keys.press("Tab")
        keys.press("Enter")
        expect(page.get_by_label("Password", exact=True)).to_be_focused()
        keys.type(PASSWORD)
        keys.press("Tab")
        expect(page.get_by_role("button", name="Log in")).to_be_focused()
        keys.press("Enter")
        self.assert_heading(page, "Users")

    def test_each_field_has_an_autocomplete_value_for_password_managers(self):
        _, page = self.member()
        guest = self.open(self.serve())
        known = lambda page: page.eval_on_selector_all(
            "input[autocomplete]", "inputs => inputs.map(input => [input.name, input.type, input.autocomplete])")
        guest.goto("/login")
        log_in = [["email", "email", "username"], ["password", "password", "current-password"]]
        self.assertEqual(known(guest), log_in)
        guest.goto("/signup")
        self.assertEqual(known(guest), [
            ["name", "text", "name"], ["email", "email", "username"], ["password", "password", "new-password"]])
        page.goto("/user/me")
        self.assertEqual(known(page)[1:], [
            ["current_password", "password", "current-password"], ["new_password", "password", "new-password"],
            ["password", "password", "current-password"]])

    def test_many_users_are_listed_page_by_page(self):
        service, page = self.member(THROTTLE_ADDRESS_SIGNUPS="0")
        for number in range(7):
            service.sign_up(f"User {number}", f"user{number}@example.com")
        page.goto("/user?limit=3")
        seen = page.get_by_role("row").all_inner_texts()[1:]
        for _ in range(2):
            page.get_by_role("link", name="Next page").click()
            expect(page.get_by_role("link", name="First page")).to_be_visible()
            seen += page.get_by_role("row").all_inner_texts()[1:]
        self.assertEqual((len(seen), len(set(seen))), (8, 8))
        expect(page.get_by_role("link", name="Next page")).to_have_count(0)
        page.get_by_role("link", name="First page").click()
        expect(page).to_have_url(re.compile(r"/user\?limit=3$"))

    # ---- Errors

    def test_a_rejected_sign_up_names_the_field_and_preserves_the_input(self):
        page = self.open(self.serve())
        self.sign_up(page, name="Ada", email="ada.example.com", password="short")
        self.assert_failed(page, "E-mail address is not an e-mail address", "E-mail address")
        self.assert_failed(page, "Password must have at least 8 characters", "Password")
        expect(page.get_by_label("Name", exact=True)).to_have_value("Ada")
        expect(page.get_by_label("E-mail address")).to_have_value("ada.example.com")
        expect(page.get_by_label("Password", exact=True)).to_have_value("")
        self.sign_up(page, name="", email="", password="")
        for field in ("Name", "E-mail address", "Password"):
            self.assert_failed(page, f"{field} is required.", field)
        self.sign_up(page, password="password1234")
        self.assert_failed(page, "among the first that a guesser tries", "Password")

    def test_an_email_address_that_is_taken_is_reported_at_its_field(self):
        service = self.serve()
        service.sign_up()
        page = self.open(service)
        self.sign_up(page, name="Another Ada")
        self.assert_failed(page, "There is an account for this e-mail address.", "E-mail address")

    def test_a_rejected_log_in_preserves_the_address_and_reveals_what_the_profile_allows(self):
        service = self.serve()
        page = self.open(service)
        page.goto("/")
        self.log_in(page, email="", password="")
        self.assert_failed(page, "E-mail address is required.", "E-mail address")
        self.assert_failed(page, "Password is required.", "Password")
        self.log_in(page)
        self.assert_failed(page, "There is no account for this e-mail address.", "E-mail address")
        strict = self.open(self.serve(AUTH_PROFILE="strict"))
        strict.goto("/")
        self.log_in(strict)
        self.assert_failed(strict, "The e-mail address or the password is wrong.")

    def test_the_browser_shows_no_password_dialog(self):
        service = self.serve(AUTH_PROFILE="strict")
        page = self.open(service)
        page.goto("/")
        with page.expect_response(re.compile("/login$")) as refused:
            self.log_in(page)
        self.assertEqual(refused.value.status, 401)
        self.assertNotIn("Basic", refused.value.header_value("www-authenticate"))

    def test_too_many_wrong_passwords_show_how_long_to_wait(self):
        service = self.serve()
        service.sign_up()
        page = self.open(service)
        page.goto("/")
        for _ in range(6):
            self.log_in(page, password="not this one")
            expect(page.get_by_role("alert")).to_be_visible()
        self.assert_failed(page, TOO_MANY)
        expect(page.get_by_label("E-mail address")).to_have_value("ada@example.com")

    def test_without_a_database_each_page_reports_it_and_preserves_the_input(self):
        service, page = self.member()
        guest, writer = self.open(service), self.open(service)
        guest.goto("/")
        writer.goto("/signup")
        service.stop_database()
        self.log_in(guest)
        self.assert_failed(guest, "The service cannot do this now; try again in a moment.")
        expect(guest.get_by_label("E-mail address")).to_have_value("ada@example.com")
        self.sign_up(writer, name="Grace Hopper", email="grace@example.com")
        self.assert_failed(writer, "The service cannot do this now; try again in a moment.")
        expect(writer.get_by_label("Name", exact=True)).to_have_value("Grace Hopper")
        page.reload()
        self.assert_heading(page, "Not available right now")

    def test_a_user_who_may_not_list_sees_the_reason_and_reaches_their_account(self):
        service = self.serve(AUTH_PROFILE="strict")
        public_id = service.sign_up()
        page = self.open(service)
        page.goto("/")
        self.log_in(page)
        self.assert_heading(page, "Not allowed")
        expect(page.get_by_role("main")).to_contain_text("only members of a certain group may see the users")
        page.get_by_role("link", name="Your account").click()
        self.assert_heading(page, "Your account")
        service.set_on_user(public_id, "groups", {"SS": ["admin"]})
        page.get_by_role("link", name="Users").click()
        self.assert_heading(page, "Users")

    def test_a_wrong_password_on_the_account_page_changes_nothing(self):
        service, page = self.member()
        page.goto("/user/me")
        self.fill(page, Current_password="not this one", New_password=NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        self.assert_failed(page, "The password is not the account's.", "Current password")
        self.fill(page, Current_password=PASSWORD, New_password="short")
        page.get_by_role("button", name="Change password").click()
        self.assert_failed(page, "New password must have at least 8 characters", "New password")
        self.fill(page, Password="not this one")
        page.get_by_role("button", name="Delete account").click()
        self.assert_failed(page, "The password is not the account's.", "Password")
        self.assertTrue(service.can_log_in())

    def test_markup_in_a_name_is_shown_as_text(self):
        service = self.serve()
        name = "<b id='x'>Ada</b> & \"<script>document.title = 'Eve'</script>\""
        page = self.open(service)
        self.sign_up(page, name=name, email="ada.example.com")
        expect(page.get_by_label("Name", exact=True)).to_have_value(name)
        self.sign_up(page, name=name)
        self.log_in(page)
        expect(page.get_by_role("banner")).to_contain_text(f"Signed in as {name}")
        expect(page.get_by_role("cell").first).to_have_text(name)
        page.goto("/user/me")
        expect(page.locator("dd").first).to_have_text(name)
        self.assertEqual(page.locator("#x").count(), 0)
        self.assertEqual(page.title(), "Your account – Postern")

    # ---- Sessions

    def test_an_expired_access_token_is_refreshed_while_the_session_lasts(self):
        service, page = self.member(JWT_EXPIRATION_DELTA="4", JWT_LEEWAY="0")
        names = lambda: {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
        before = names()
        page.wait_for_timeout(5_000)
        page.goto("/user?limit=7")
        self.assert_heading(page, "Users")
        expect(page).to_have_url(re.compile(r"/user\?limit=7$"))
        self.assertTrue(all(names()[name] != value for name, value in before.items()))

        # A form that was loaded before the token expired still works.
        page.goto("/user/me")
        page.wait_for_timeout(5_000)
        self.fill(page, Current_password=PASSWORD, New_password=NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("status")).to_contain_text("Your password is changed")

    def test_tabs_that_refresh_at_the_same_time_stay_signed_in(self):
        service, page = self.member(JWT_EXPIRATION_DELTA="4", JWT_LEEWAY="0")
        tabs = [page.context.new_page() for _ in range(4)]
        page.wait_for_timeout(5_000)
        for tab in tabs:
            tab.evaluate(f"location = '{service.url}/user'")
        for tab in tabs:
            self.assert_heading(tab, "Users")

    def test_without_sessions_the_user_logs_in_again_and_returns_to_the_page(self):
        _, page = self.member(JWT_EXPIRATION_DELTA="4", JWT_LEEWAY="0", SESSION_IDLE="0")
        page.goto("/user/me")
        page.wait_for_timeout(5_000)
        page.reload()
        self.assert_heading(page, "Log in")
        expect(page.get_by_role("status")).to_have_text("Please log in to go on.")
        self.log_in(page, password="not this one")
        self.log_in(page)
        self.assert_heading(page, "Your account")

    def test_a_disabled_user_is_signed_out_immediately(self):
        service, page = self.member()
        service.set_on_user(service.public_id, "disabled", {"BOOL": True})
        page.reload()
        self.assert_heading(page, "Log in")
        self.assertEqual(page.context.cookies(), [])

    def test_logging_out_everywhere_ends_sessions_on_other_devices(self):
        service, page = self.member()
        other = self.open(service)
        other.goto("/")
        self.log_in(other)
        page.goto("/user/me")
        page.get_by_role("button", name="Log out all other devices").click()
        expect(page.get_by_role("status")).to_have_text("You are logged out on all other devices.")
        other.reload()
        self.assert_heading(other, "Log in")
        self.log_in(other)
        page.get_by_role("button", name="Log out everywhere").click()
        expect(page.get_by_role("status")).to_have_text("You are logged out on every device.")
        other.reload()
        self.assert_heading(other, "Log in")

    def test_scripts_cannot_read_the_cookies(self):
        _, page = self.member()
        self.assertEqual(page.evaluate("document.cookie"), "")
        for cookie in page.context.cookies():
            self.assertEqual((cookie["httpOnly"], cookie["sameSite"], cookie["path"]), (True, "Lax", "/"))

    def test_a_signed_in_user_is_redirected_from_the_start_page_to_the_users(self):
        _, page = self.member()
        page.goto("/")
        self.assert_heading(page, "Users")

    def test_after_logging_out_the_back_button_shows_no_user_data(self):
        _, page = self.member()
        page.goto("/user/me")
        page.get_by_role("button", name="Log out", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("You are logged out.")
        for _ in range(2):
            page.go_back()
            self.assert_heading(page, "Log in")
            expect(page.get_by_text("ada@example.com")).to_have_count(0)

    # ---- Cross-site requests

    def test_a_form_of_another_site_changes_nothing(self):
        service, page = self.member()
        forms = {
            "/password": {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
            "/logout": {"scope": "global"},
            "/user/me": {"_method": "DELETE", "password": PASSWORD},
            "/login": {"email": "ada@example.com", "password": PASSWORD},
            "/signup": {"name": "Eve", "email": "eve@example.com", "password": PASSWORD},
        }
        form = lambda path, fields: "".join(
            [f'<form method="post" action="{service.url}{path}">',
             *(f'<input name="{n}" value="{v}">' for n, v in fields.items()), "<button>Win</button></form>"])
        site = OtherSite({path: form(path, fields) for path, fields in forms.items()})
        self.addCleanup(site.stop)
        attacked = page.context.new_page()
        cookies = page.context.cookies()
        # To a browser, the first host is another site, and the second is another origin of the same site.
        for host in ("localhost", "127.0.0.1"):
            for path in forms:
                attacked.goto(f"http://{host}:{site.port}{path}")
                with attacked.expect_response(f"{service.url}{path}") as answer:
                    attacked.get_by_role("button").click()
                self.assertEqual(answer.value.status, 403, path)
                self.assert_heading(attacked, "Not allowed")
        self.assertEqual(page.context.cookies(), cookies)
        self.assertEqual(service.count("Users"), 1)
        self.assertTrue(service.can_log_in())
        page.reload()
        self.assert_heading(page, "Users")

    def test_another_site_cannot_show_a_page_in_a_frame(self):
        service = self.serve()
        site = OtherSite({"/": f'<iframe src="{service.url}/"></iframe>'})
        self.addCleanup(site.stop)
        page = self.open(service, watched=False)
        page.goto(f"http://127.0.0.1:{site.port}/")
        page.wait_for_timeout(500)
        self.assertEqual(page.frames[1].get_by_role("heading").count(), 0)

    def test_a_link_to_the_log_in_page_can_neither_redirect_to_another_site_nor_fake_a_notice(self):
        service = self.serve()
        service.sign_up()
        site = OtherSite({"/": f'<a href="{service.url}/login?notice=deleted&return_to=//localhost/">Go</a>'})
        self.addCleanup(site.stop)
        page = self.open(service, watched=False)
        page.goto(f"http://127.0.0.1:{site.port}/")
        page.get_by_role("link").click()
        self.assert_heading(page, "Log in")
        expect(page.get_by_role("status")).to_have_count(0)
        self.log_in(page)
        expect(page).to_have_url(f"{service.url}/user")

    # ---- Accessibility

    def assert_accessible(self, page, state):
        """axe-core reports nothing, and no width needs horizontal scrolling, in both color schemes."""
        with open(AXE, encoding="utf-8") as axe:
            page.evaluate(axe.read())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                found = page.evaluate(AXE_RUN)
                self.assertEqual(found, [], f"{state}, {scheme}, {width} px")
                content = page.evaluate("document.documentElement.scrollWidth")
                self.assertLessEqual(content, width, f"{state} at {width} px")
        self.assertEqual(page.evaluate("document.documentElement.lang"), "en")
        self.states.append(state)

    def test_every_page_and_every_error_is_accessible(self):
        self.states = []
        service = self.serve(THROTTLE_ADDRESS_SIGNUPS="0")
        service.sign_up()
        page = self.open(service)
        for path in ("/", "/login", "/signup", "/?return_to=%2Fuser", "/nowhere"):
            page.goto(path)
            self.assert_accessible(page, path)
        self.sign_up(page, name="", email="ada@", password="short")
        self.assert_accessible(page, "sign-up with errors")
        self.sign_up(page)
        self.assert_accessible(page, "sign-up with an address that is taken")
        long = "a" * 60 + "@" + "b" * 60 + ".example"
        self.sign_up(page, name="W" * 100, email=long)
        self.assert_accessible(page, "signed up")
        for password in ("", *["not this one"] * 6):
            self.log_in(page, password=password)
            expect(page.get_by_role("alert")).to_be_visible()
            if password == "" or page.get_by_text(TOO_MANY).count():
                self.assert_accessible(page, f"log-in: {page.get_by_role('alert').inner_text()}")
        self.log_in(page, email=long)
        self.assert_heading(page, "Users")
        self.assert_accessible(page, "users")
        for path in ("/user?limit=1", "/user?cursor=_____________________w", "/user?limit=0", "/user/me"):
            page.goto(path)
            self.assert_accessible(page, path)
        self.fill(page, Current_password="not this one", New_password=NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        self.assert_accessible(page, "change of password with a wrong password")
        page.get_by_role("button", name="Log out all other devices").click()
        self.assert_accessible(page, "account with a notice")
        service.stop_database()
        page.reload()
        self.assert_accessible(page, "account without a database")
        page.goto("/")
        page.context.clear_cookies()
        page.goto("/")
        self.log_in(page)
        self.assert_accessible(page, "log-in without a database")
        strict = self.serve(AUTH_PROFILE="strict")
        strict.sign_up()
        page = self.open(strict)
        page.goto("/")
        self.log_in(page, password="not this one")
        self.assert_accessible(page, "strict: rejected log-in")
        self.log_in(page)
        self.assert_accessible(page, "strict: may not list")
        self.assertEqual(len(self.states), len(set(self.states)))

    def test_screenshots_for_readme(self):
        service, page = self.member(THROTTLE_ADDRESS_SIGNUPS="0")
        for name in ("Grace Hopper", "Katherine Johnson", "Zoë Saldaña"):
            service.sign_up(name, f"{'.'.join(re.findall('[a-z]+', name.lower()))}@example.com")
        os.makedirs(SCREENSHOTS, exist_ok=True)
        page.set_viewport_size({"width": 720, "height": 480})
        page.goto("/user")
        page.screenshot(path=f"{SCREENSHOTS}/users.png")
        guest = self.open(service)
        guest.set_viewport_size({"width": 720, "height": 480})
        guest.goto("/")
        self.log_in(guest, password="not this one")
        expect(guest.get_by_role("alert")).to_be_visible()
        guest.screenshot(path=f"{SCREENSHOTS}/log-in.png", full_page=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
