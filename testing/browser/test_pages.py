"""Tests of the HTML pages in Chromium.

Usage: CHROMIUM=… LOCAL=… AXE=… SCREENSHOTS=… python testing/browser/test_pages.py [TEST…]
LOCAL is the program `local`, AXE is axe-core's axe.min.js, and SCREENSHOTS is the folder for the screenshots of README.
"""

import os
import re
import sys
import unittest
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from other_site import OtherSite
from slow_proxy import SlowProxy

sys.path.append(str(Path(__file__).resolve().parents[1]))

from service import PASSWORD, Service  # noqa: E402

LOCAL, AXE, SCREENSHOTS = (os.environ[name] for name in ("LOCAL", "AXE", "SCREENSHOTS"))
CHROMIUM = os.environ["CHROMIUM"]
NEW_PASSWORD = "a better tortoise lamp quarrel"
# Maximum size of a response body, in bytes.
MAX_BODY_SIZE = 15_000
WIDTHS = (320, 768, 1440)
expect.set_options(timeout=30_000)
DEVICE_PASSWORD = "Password to log out a device"
TOO_MANY = re.compile(r"Too many attempts\. Wait \d+ (seconds|minutes), then try again\.")


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        options = ["--no-sandbox", "--disable-quic", "--disable-sync"]
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=options)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def serve(self, **settings):
        service = Service(LOCAL, separate_database=True, **settings)
        self.addCleanup(service.stop)
        return service

    def open(self, service, scripts=True, watched=True):
        """Opens a page in a new browser context. If `watched`, console errors and foreign requests fail the test."""
        context = self.browser.new_context(base_url=service.url, java_script_enabled=scripts)
        self.addCleanup(context.close)
        page = context.new_page()
        # Without a database, a page takes eight seconds; the rest is headroom for machine noise.
        page.set_default_timeout(30_000)
        if watched:
            self.watch(page, service)
        return page

    def watch(self, page, service):
        problems = []
        own = (f"{service.url}/", "data:")
        page.on("request", lambda request: request.url.startswith(own) or problems.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))

        def check_console(line):
            # Chromium reports a page with an error status as a failed resource, which is expected.
            expected = "the server responded with a status of" in line.text
            if line.type in ("error", "warning") and not expected:
                problems.append(line.text)

        def check_size(response):
            size = int(response.headers.get("content-length", 0))
            if size > MAX_BODY_SIZE:
                problems.append(f"{response.url} has {size} bytes")

        page.on("console", check_console)
        # Chromium gives advice about forms at the level "verbose", and only to a debugger.
        session = page.context.new_cdp_session(page)
        session.on("Log.entryAdded", lambda event: "form" in event["entry"]["text"] and
                   problems.append(event["entry"]["text"]))
        session.send("Log.enable")
        page.on("response", check_size)
        self.addCleanup(lambda: self.assertEqual(problems, []))

    def fill(self, page, **fields):
        for label, value in fields.items():
            page.get_by_label(label.replace("_", " "), exact=True).fill(value)

    def sign_up(self, page, name="Ada Lovelace", email="ada@example.com", password=PASSWORD):
        page.goto("/signup")
        self.fill(page, Name=name, **{"Email address": email}, Password=password)
        page.get_by_role("button", name="Sign up").click()

    def log_in(self, page, email="ada@example.com", password=PASSWORD):
        self.fill(page, **{"Email address": email}, Password=password)
        page.get_by_role("button", name="Log in").click()

    def member(self, **settings):
        """Returns a service and a page on which Ada is logged in."""
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
        """Asserts that the page shows the error in its title, in the summary at the top, and at the field."""
        expect(page).to_have_title(re.compile("^Error: "))
        summary = page.get_by_role("alert")
        expect(summary).to_contain_text(sentence)
        expect(summary).to_be_focused()
        if field:
            field = page.get_by_label(field, exact=True)
            expect(field).to_have_attribute("aria-invalid", "true")
            expect(field).to_have_accessible_description(re.compile(sentence))

    # ---- User journeys

    def journey(self, page):
        page.goto("/")
        self.assert_heading(page, "Log in")
        page.get_by_role("link", name="Sign up").click()
        self.assert_heading(page, "Sign up")
        self.sign_up(page)
        expect(page.get_by_role("status")).to_have_text("Your account has been created. Log in to continue.")

        self.log_in(page, password="wrong password")
        expect(page.get_by_label("Password", exact=True)).to_have_value("")
        expect(page.get_by_label("Email address")).to_have_value("ada@example.com")
        self.log_in(page)
        self.assert_heading(page, "Users")
        expect(page.get_by_role("banner")).to_contain_text("Logged in as Ada Lovelace")
        expect(page.get_by_role("cell")).to_have_text(["Ada Lovelace", "ada@example.com"])
        page.reload()
        self.assert_heading(page, "Users")

        page.get_by_role("link", name="Your account").click()
        self.assert_heading(page, "Your account")
        self.fill(page, Current_password=PASSWORD, New_password=NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("status")).to_contain_text("Your password has been changed")

        page.get_by_role("button", name="Log out", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("You have been logged out.")
        page.go_back()
        self.assert_heading(page, "Log in")
        self.log_in(page, password=PASSWORD)
        expect(page.get_by_role("alert")).to_be_focused()
        self.log_in(page, password=NEW_PASSWORD)
        self.assert_heading(page, "Your account")

        self.fill(page, Password=NEW_PASSWORD)
        page.get_by_role("button", name="Delete account").click()
        expect(page.get_by_role("status")).to_have_text("Your account has been deleted.")

    def test_a_user_signs_up_logs_in_changes_the_password_logs_out_and_deletes_the_account(self):
        service = self.serve()
        self.journey(self.open(service))
        self.assertEqual((service.count("Users"), service.count("Credentials"), service.count("Sessions")), (0, 0, 0))

    def test_the_journey_works_without_scripts(self):
        self.journey(self.open(self.serve(), scripts=False))

    def test_the_journey_is_the_same_in_the_strict_profile(self):
        service = self.serve(AUTH_PROFILE="strict", LIST_USERS_GROUP="")
        self.journey(self.open(service))

    def test_the_keyboard_alone_is_sufficient(self):
        service = self.serve()
        service.sign_up()
        page = self.open(service)
        page.goto("/")
        keys = page.keyboard
        for text in ("ada@example.com", "wrong password"):
            keys.press("Tab")
            keys.type(text)
        keys.press("Enter")
        self.assert_failed(page, "The password is incorrect.", "Password")
        # The summary has the focus, and its link moves it to the field.
        keys.press("Tab")
        keys.press("Enter")
        expect(page.get_by_label("Password", exact=True)).to_be_focused()
        keys.type(PASSWORD)
        keys.press("Tab")
        expect(page.get_by_role("button", name="Log in")).to_be_focused()
        keys.press("Enter")
        self.assert_heading(page, "Users")

    def test_each_field_is_annotated_for_password_managers(self):
        _, page = self.member()
        guest = self.open(self.serve())
        annotated = lambda page: page.eval_on_selector_all(
            "input[autocomplete]", "all => all.map(field => [field.name, field.type, field.autocomplete])")
        guest.goto("/login")
        log_in = [["email", "email", "username"], ["password", "password", "current-password"]]
        self.assertEqual(annotated(guest), log_in)
        guest.goto("/signup")
        self.assertEqual(annotated(guest), [
            ["name", "text", "name"], ["email", "email", "username"], ["password", "password", "new-password"]])
        page.goto("/user/me")
        username, current = ["", "text", "username"], ["password", "password", "current-password"]
        self.assertEqual(annotated(page), [
            username, ["current_password", "password", "current-password"],
            ["new_password", "password", "new-password"], username, current, username, current])
        for field in page.locator("input[autocomplete=username]").all():
            expect(field).to_be_hidden()
            expect(field).to_have_value("ada@example.com")

    def test_the_user_list_is_paginated(self):
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

    def test_a_rejected_sign_up_marks_the_fields_and_preserves_the_input(self):
        page = self.open(self.serve())
        self.sign_up(page, name="Ada", email="ada.example.com", password="short")
        self.assert_failed(page, "Email address must be a valid email address", "Email address")
        self.assert_failed(page, "Password must be at least 8 characters long", "Password")
        expect(page.get_by_label("Name", exact=True)).to_have_value("Ada")
        expect(page.get_by_label("Email address")).to_have_value("ada.example.com")
        expect(page.get_by_label("Password", exact=True)).to_have_value("")
        self.sign_up(page, name="", email="", password="")
        for field in ("Name", "Email address", "Password"):
            self.assert_failed(page, f"{field} is required.", field)
        self.sign_up(page, password="password1234")
        self.assert_failed(page, "too easy to guess", "Password")

    def test_an_email_address_with_an_account_is_an_error_of_its_field(self):
        service = self.serve()
        service.sign_up()
        page = self.open(service)
        self.sign_up(page, name="Another Ada")
        self.assert_failed(page, "An account with this email address already exists.", "Email address")

    def test_a_rejected_log_in_preserves_the_email_address_and_reveals_what_the_profile_allows(self):
        service = self.serve()
        page = self.open(service)
        page.goto("/")
        self.log_in(page, email="", password="")
        self.assert_failed(page, "Email address is required.", "Email address")
        self.assert_failed(page, "Password is required.", "Password")
        self.log_in(page)
        self.assert_failed(page, "No account exists for this email address.", "Email address")
        strict = self.open(self.serve(AUTH_PROFILE="strict"))
        strict.goto("/")
        self.log_in(strict)
        self.assert_failed(strict, "The email address or password is incorrect.")

    def test_the_browser_shows_no_password_dialog(self):
        service = self.serve(AUTH_PROFILE="strict")
        page = self.open(service)
        page.goto("/")
        with page.expect_response(re.compile("/login$")) as refused:
            self.log_in(page)
        self.assertEqual(refused.value.status, 401)
        self.assertNotIn("Basic", refused.value.header_value("www-authenticate"))

    def test_a_rate_limited_log_in_shows_how_long_to_wait(self):
        service = self.serve()
        service.sign_up()
        page = self.open(service)
        page.goto("/")
        for _ in range(6):
            self.log_in(page, password="wrong password")
            expect(page.get_by_role("alert")).to_be_visible()
        self.assert_failed(page, TOO_MANY)
        expect(page.get_by_label("Email address")).to_have_value("ada@example.com")

    def test_without_a_database_each_page_shows_an_error_and_preserves_the_input(self):
        service, page = self.member()
        guest, writer = self.open(service), self.open(service)
        guest.goto("/")
        writer.goto("/signup")
        service.stop_database()
        self.log_in(guest)
        self.assert_failed(guest, "The service is temporarily unavailable. Try again in a moment.")
        expect(guest.get_by_label("Email address")).to_have_value("ada@example.com")
        self.sign_up(writer, name="Grace Hopper", email="grace@example.com")
        self.assert_failed(writer, "The service is temporarily unavailable. Try again in a moment.")
        expect(writer.get_by_label("Name", exact=True)).to_have_value("Grace Hopper")
        page.reload()
        self.assert_heading(page, "Service unavailable")

    def test_a_user_outside_the_group_sees_the_reason_and_a_link_to_the_account(self):
        service = self.serve(AUTH_PROFILE="strict")
        public_id = service.sign_up()
        page = self.open(service)
        page.goto("/")
        self.log_in(page)
        self.assert_heading(page, "Not allowed")
        expect(page.get_by_role("main")).to_contain_text("Only members of an authorized group can view the users")
        page.get_by_role("link", name="Your account").click()
        self.assert_heading(page, "Your account")
        service.set_on_user(public_id, "groups", {"SS": ["admin"]})
        page.get_by_role("link", name="Users").click()
        self.assert_heading(page, "Users")

    def test_a_wrong_password_on_the_account_page_changes_nothing(self):
        service, page = self.member()
        page.goto("/user/me")
        self.fill(page, Current_password="wrong password", New_password=NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        self.assert_failed(page, "The password is incorrect.", "Current password")
        self.fill(page, Current_password=PASSWORD, New_password="short")
        page.get_by_role("button", name="Change password").click()
        self.assert_failed(page, "New password must be at least 8 characters long", "New password")
        self.fill(page, Password="wrong password")
        page.get_by_role("button", name="Delete account").click()
        self.assert_failed(page, "The password is incorrect.", "Password")
        self.assertTrue(service.can_log_in())

    def test_markup_in_a_name_is_escaped(self):
        service = self.serve()
        name = "<b id='x'>Ada</b> & \"<script>document.title = 'Eve'</script>\""
        page = self.open(service)
        self.sign_up(page, name=name, email="ada.example.com")
        expect(page.get_by_label("Name", exact=True)).to_have_value(name)
        self.sign_up(page, name=name)
        self.log_in(page)
        expect(page.get_by_role("banner")).to_contain_text(f"Logged in as {name}")
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
        changed = {name for name, value in before.items() if names()[name] != value}
        self.assertEqual(changed, {"postern_access_token"})

        # A form rendered before the access token expired still works.
        page.goto("/user/me")
        page.wait_for_timeout(5_000)
        self.fill(page, Current_password=PASSWORD, New_password=NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("status")).to_contain_text("Your password has been changed")

    def test_tabs_that_refresh_concurrently_stay_logged_in(self):
        service, page = self.member(JWT_EXPIRATION_DELTA="4", JWT_LEEWAY="0")
        tabs = [page.context.new_page() for _ in range(4)]
        page.wait_for_timeout(5_000)
        for tab in tabs:
            tab.evaluate(f"location = '{service.url}/user'")
        for tab in tabs:
            self.assert_heading(tab, "Users")

    def test_without_sessions_the_user_logs_in_again_and_is_returned_to_the_page(self):
        _, page = self.member(JWT_EXPIRATION_DELTA="4", JWT_LEEWAY="0", SESSION_IDLE="0")
        page.goto("/user/me")
        page.wait_for_timeout(5_000)
        page.reload()
        self.assert_heading(page, "Log in")
        expect(page.get_by_role("status")).to_have_text("Log in to continue.")
        self.log_in(page, password="wrong password")
        self.log_in(page)
        self.assert_heading(page, "Your account")

    def test_a_disabled_user_is_logged_out_immediately(self):
        service, page = self.member()
        service.set_on_user(service.public_id, "disabled", {"BOOL": True})
        page.reload()
        self.assert_heading(page, "Log in")
        self.assertEqual([cookie["name"] for cookie in page.context.cookies()], ["postern_device"])

    def test_a_user_sees_where_they_are_logged_in_and_logs_out_one_device(self):
        for scripts in (True, False):
            with self.subTest(scripts=scripts):
                service = self.serve()
                service.sign_up()
                page, second, third = (self.open(service, scripts) for _ in range(3))
                for browser in (page, second, third):
                    browser.goto("/")
                    self.log_in(browser)
                    self.assert_heading(browser, "Users")
                page.goto("/user/me")
                devices = page.get_by_role("region", name="Where you are logged in").get_by_role("listitem")
                expect(devices).to_have_count(3)
                expect(devices).to_contain_text(["Chrome on Linux"] * 3)
                expect(devices.filter(has_text="this device")).to_have_count(1)
                buttons = devices.get_by_role("button", name=re.compile("^Log out Chrome on Linux, last used .* UTC$"))
                expect(buttons).to_have_count(2)
                # Enter does not choose a device.
                page.get_by_label(DEVICE_PASSWORD).fill(PASSWORD)
                page.get_by_label(DEVICE_PASSWORD).press("Enter")
                expect(devices).to_have_count(3)
                page.get_by_label(DEVICE_PASSWORD).fill("wrong password")
                buttons.first.click()
                self.assert_failed(page, "The password is incorrect.", DEVICE_PASSWORD)
                expect(devices).to_have_count(3)
                page.get_by_label(DEVICE_PASSWORD).fill(PASSWORD)
                # The most recently used one first.
                buttons.last.click()
                expect(page.get_by_role("status")).to_have_text("The device has been logged out.")
                expect(devices).to_have_count(2)
                states = []
                for browser in (second, third):
                    browser.reload()
                    states.append(browser.get_by_role("heading", level=1).inner_text())
                self.assertEqual(sorted(states), ["Log in", "Users"])

    def test_logging_out_everywhere_logs_out_other_devices(self):
        service, page = self.member()
        other = self.open(service)
        other.goto("/")
        self.log_in(other)
        page.goto("/user/me")
        page.get_by_role("button", name="Log out all other devices").click()
        self.assert_failed(page, "Your password is required.", "Your password")
        self.fill(page, Your_password="wrong password")
        page.get_by_role("button", name="Log out all other devices").click()
        self.assert_failed(page, "The password is incorrect.", "Your password")
        other.reload()
        self.assert_heading(other, "Users")
        self.fill(page, Your_password=PASSWORD)
        page.get_by_role("button", name="Log out all other devices").click()
        expect(page.get_by_role("status")).to_have_text("You have been logged out on all other devices.")
        other.reload()
        self.assert_heading(other, "Log in")
        self.log_in(other)
        page.get_by_role("button", name="Log out everywhere").click()
        expect(page.get_by_role("status")).to_have_text("You have been logged out on all devices.")
        other.reload()
        self.assert_heading(other, "Log in")

    def test_scripts_cannot_read_the_cookies(self):
        _, page = self.member()
        self.assertEqual(page.evaluate("document.cookie"), "")
        for cookie in page.context.cookies():
            self.assertEqual((cookie["httpOnly"], cookie["sameSite"], cookie["path"]), (True, "Lax", "/"))

    def test_the_start_page_redirects_a_logged_in_user_to_the_users(self):
        _, page = self.member()
        for path in ("/", "/login", "/?utm_source=x", "/login?utm_source=x"):
            page.goto(path)
            self.assert_heading(page, "Users")
        page.goto("/.well-known/change-password")
        self.assert_heading(page, "Your account")

    def test_a_log_out_with_a_damaged_access_cookie_ends_the_session(self):
        service = self.serve()
        service.sign_up()
        page = self.open(service)
        for damage in (lambda value: "x", lambda value: value + "x", lambda value: value[1:], lambda value: "a.b.c"):
            page.goto("/")
            self.log_in(page)
            self.assert_heading(page, "Users")
            before = page.context.cookies()
            access = next(cookie for cookie in before if cookie["name"] == "postern_access_token")
            page.context.add_cookies([{**access, "value": damage(access["value"])}])
            page.get_by_role("button", name="Log out", exact=True).click()
            expect(page.get_by_role("status")).to_have_text("You have been logged out.")
            self.assertEqual(service.count("Sessions"), 0)
            page.context.add_cookies(before)
            page.goto("/user")
            self.assert_heading(page, "Log in")

    def test_of_two_users_on_one_computer_only_the_last_is_logged_in_and_the_browser_is_known_to_both(self):
        service, page = self.member()
        service.sign_up("Grace Hopper", "grace@example.com")
        ada = page.context.cookies()
        page.goto("/?return_to=%2Fuser")
        self.log_in(page, email="grace@example.com")
        expect(page.get_by_role("banner")).to_contain_text("Logged in as Grace Hopper")
        self.assertEqual(service.count("Sessions"), 1)
        grace = page.context.cookies()
        page.context.add_cookies(ada)
        page.goto("/user")
        self.assert_heading(page, "Log in")

        # Another computer behind the same address exhausts the limit of both accounts. This browser has its own.
        for email in ("ada@example.com", "grace@example.com"):
            while service.status_of_log_in("wrong password", email) != 429:
                pass
            stranger = self.open(service)
            stranger.goto("/")
            self.log_in(stranger, email=email)
            self.assert_failed(stranger, TOO_MANY)
            page.context.add_cookies(grace)
            page.goto("/?return_to=%2Fuser")
            self.log_in(page, email=email)
            self.assert_heading(page, "Users")

    def test_after_a_log_out_the_back_button_shows_no_data(self):
        _, page = self.member()
        page.goto("/user/me")
        page.get_by_role("button", name="Log out", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("You have been logged out.")
        for _ in range(2):
            page.go_back()
            self.assert_heading(page, "Log in")
            expect(page.get_by_text("ada@example.com")).to_have_count(0)

    # ---- Cross-site requests

    def test_a_form_submitted_from_another_site_changes_nothing(self):
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
             *(f'<input name="{n}" value="{v}">' for n, v in fields.items()),
             "<button>Win</button></form>"])
        site = OtherSite({path: form(path, fields) for path, fields in forms.items()})
        self.addCleanup(site.stop)
        attacked = page.context.new_page()
        cookies = page.context.cookies()
        # For a browser, the first is cross-site, and the second is same-site but cross-origin.
        for host in ("localhost", "127.0.0.1"):
            for path in forms:
                attacked.goto(f"http://{host}:{site.port}{path}")
                with attacked.expect_response(f"{service.url}{path}") as response:
                    attacked.get_by_role("button").click()
                self.assertEqual(response.value.status, 403, path)
                self.assert_heading(attacked, "Not allowed")
        self.assertEqual(page.context.cookies(), cookies)
        self.assertEqual(service.count("Users"), 1)
        self.assertTrue(service.can_log_in())
        page.reload()
        self.assert_heading(page, "Users")

    def test_another_origin_cannot_load_what_a_user_may_read(self):
        service, page = self.member()
        embedded = "".join(
            [f'<img src="{service.url}/user">', f'<script src="{service.url}/user/me"></script>',
             f'<iframe src="{service.url}/user?limit=1"></iframe>', f'<a href="{service.url}/user?limit=2">Go</a>'])
        site = OtherSite({"/": embedded})
        self.addCleanup(site.stop)
        # Same-site: the browser sends the cookies.
        other = page.context.new_page()
        outcomes = {}
        other.on("response", lambda response: outcomes.update({response.url: response.status}))
        other.on("requestfailed", lambda request: outcomes.update({request.url: request.failure}))
        other.goto(f"http://127.0.0.1:{site.port}/")
        # By Cross-Origin-Resource-Policy for the image and the script, and by frame-ancestors for the frame.
        for path, policy in (("/user", ".NotSameOrigin"), ("/user/me", ".NotSameOrigin"), ("/user?limit=1", "")):
            self.assertEqual(outcomes.get(f"{service.url}{path}"), f"net::ERR_BLOCKED_BY_RESPONSE{policy}", path)
        other.get_by_role("link", name="Go").click()
        self.assert_heading(other, "Users")

    def test_cookies_of_another_application_on_this_machine_change_nothing(self):
        service = self.serve()
        service.sign_up()
        script = "for (const cookie of ['access_token=x; path=/user', 'refresh_token=x', 'theme=café'])" \
                 " document.cookie = cookie"
        site = OtherSite({"/": f"<meta charset=utf-8><script>{script}</script>"})
        self.addCleanup(site.stop)
        page = self.open(service, watched=False)
        page.goto(f"http://127.0.0.1:{site.port}/")
        self.assertEqual(len(page.context.cookies(f"{service.url}/user")), 3)
        page.goto("/")
        self.log_in(page)
        self.assert_heading(page, "Users")
        page.reload()
        self.assert_heading(page, "Users")
        page.get_by_role("button", name="Log out", exact=True).click()
        self.assert_heading(page, "Log in")

    def test_a_script_with_a_wrong_password_gets_no_challenge_for_a_dialog(self):
        service = self.serve(AUTH_PROFILE="strict")
        context = self.browser.new_context(base_url=service.url, bypass_csp=True)
        self.addCleanup(context.close)
        page = context.new_page()
        page.goto("/")
        challenge = page.evaluate("""
            fetch("/login", {method: "POST", body: new URLSearchParams({email: "a", password: "b"})})
                .then(response => [response.status, response.headers.get("www-authenticate")])""")
        self.assertEqual(challenge, [401, 'Bearer realm="Login required"'])

    def test_a_refresh_that_another_site_starts_and_aborts_does_not_end_the_session(self):
        # The responses arrive after the other site has stopped, so the browser never stores their cookies.
        service = self.serve(JWT_EXPIRATION_DELTA="4", JWT_LEEWAY="0")
        service.sign_up()
        proxy = SlowProxy(service.url, "/refresh", delay=1)
        self.addCleanup(proxy.stop)
        site = OtherSite({"/": f"""<h1>Other</h1><script>
            location.href = "{proxy.url}/refresh"; setTimeout(() => window.stop(), 80)</script>"""})
        self.addCleanup(site.stop)
        page = self.open(service, watched=False)
        page.goto(f"{proxy.url}/")
        self.log_in(page)
        self.assert_heading(page, "Users")
        before = page.context.cookies()
        # For a browser, the first is cross-site, and the second is same-site but cross-origin.
        for count, host in enumerate(("localhost", "127.0.0.1"), start=1):
            page.goto(f"http://{host}:{site.port}/", wait_until="commit")
            self.assertEqual(proxy.wait_for(count)[-1], 303)
            self.assert_heading(page, "Other")
        self.assertEqual(page.context.cookies(), before)
        # A refresh token that has been exchanged counts as stolen after ten seconds.
        page.wait_for_timeout(11_000)
        page.goto(f"{proxy.url}/user")
        self.assert_heading(page, "Users")
        self.assertEqual(service.count("Sessions"), 1)

    def test_a_web_app_of_another_origin_may_call_the_api_if_it_is_allowed(self):
        site = OtherSite({"/": "<h1>App</h1>"})
        self.addCleanup(site.stop)
        app = f"http://localhost:{site.port}"
        call = """async url => {
            const post = (path, fields) => fetch(url + path, {
                method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(fields)})
            try {
                const {token} = await (await post("/login", {email: "ada@example.com", password: "%s"})).json()
                const response = await fetch(url + "/user", {headers: {"x-access-token": token}})
                return [(await response.json()).users.length, Boolean(response.headers.get("x-request-id"))]
            } catch (error) { return error.message }
        }""" % PASSWORD
        for options, outcome in ((["--cors-allow-origin", app], [1, True]), ([], "Failed to fetch"),
                                 (["--cors-allow-origin", "http://localhost:1"], "Failed to fetch")):
            service = self.serve(options=options)
            service.sign_up()
            page = self.open(service, watched=False)
            page.goto(app)
            self.assertEqual(page.evaluate(call, service.url), outcome, options)

    def test_another_site_cannot_frame_a_page(self):
        service = self.serve()
        site = OtherSite({"/": f'<iframe src="{service.url}/"></iframe>'})
        self.addCleanup(site.stop)
        page = self.open(service, watched=False)
        page.goto(f"http://127.0.0.1:{site.port}/")
        page.wait_for_timeout(500)
        self.assertEqual(page.frames[1].get_by_role("heading").count(), 0)

    def test_a_link_cannot_redirect_to_another_site_or_show_a_false_notice(self):
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
        """Asserts no axe-core violations and no horizontal scrolling, in both color schemes and at all widths."""
        with open(AXE, encoding="utf-8") as axe:
            page.evaluate(axe.read())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                found = page.evaluate("""axe.run().then(result => result.violations.map(
                    ({id, nodes}) => [id, nodes.map(node => node.html)]))""")
                self.assertEqual(found, [], f"{state}, {scheme}, {width} px")
                scroll_width = page.evaluate("document.documentElement.scrollWidth")
                self.assertLessEqual(scroll_width, width, f"{state} at {width} px")
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
        self.assert_accessible(page, "sign-up with an email address that has an account")
        long = "a" * 60 + "@" + "b" * 60 + ".example"
        self.sign_up(page, name="W" * 100, email=long)
        self.assert_accessible(page, "signed up")
        for password in ("", *["wrong password"] * 6):
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
        self.fill(page, Current_password="wrong password", New_password=NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        self.assert_accessible(page, "wrong current password")
        self.fill(page, Your_password="wrong password")
        page.get_by_role("button", name="Log out all other devices").click()
        self.assert_accessible(page, "wrong password for other devices")
        elsewhere = self.open(service)
        elsewhere.goto("/")
        self.log_in(elsewhere, email=long)
        page.goto("/user/me")
        self.assert_accessible(page, "account with two devices")
        page.get_by_role("button", name=re.compile("^Log out Chrome")).click()
        self.assert_accessible(page, "missing password for a device")
        self.fill(page, Your_password=PASSWORD)
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
        self.log_in(page, password="wrong password")
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
        self.log_in(guest, password="wrong password")
        expect(guest.get_by_role("alert")).to_be_visible()
        guest.screenshot(path=f"{SCREENSHOTS}/log-in.png", full_page=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
