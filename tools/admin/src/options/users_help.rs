//! Help of `admin users`.

pub(super) const USERS: &str = "\
USER is an email address in any spelling, or a public_id.

Examples:
  admin users list --newest --stack postern
  admin users show ada@example.com --stack postern
  admin users disable ada@example.com --stack postern --audit-log audit.jsonl
  admin users list --endpoint http://127.0.0.1:8000     # of `cargo run -p local`

The tables are, in this order: those of --users-table and the like, those of --stack, those of the
variables of the functions (USERS_TABLE, CREDENTIALS_TABLE, SESSIONS_TABLE, THROTTLE_TABLE), and for
an endpoint on this machine Users, Credentials, Sessions and Throttle.

Every change prints one JSON line on standard error, for the audit log: the event, the public_id,
the caller (an ARN) and the time. --audit-log appends it to a file too.

docs/guides/operate.md has the IAM policy that each command needs.";

pub(super) const LIST: &str = "\
Users are printed as the table is read, in no particular order, so the command needs little memory
for any number of users. With --newest, the newest users are printed, 100 unless --limit says
otherwise. Users whose sign-up time is not stored are not selected by --older-than, and come last
with --newest.

--json prints JSON Lines: one object per user.

Items that the functions would reject are reported on standard error.

Examples:
  admin users list --newest --limit 20 --stack postern
  admin users list --group admin --stack postern
  admin users list --older-than 365d --disabled --json --stack postern | jq -r .email";

pub(super) const SHOW: &str = "\
Prints the user, the sessions, and the counters of the rate limiter that can be found. It prints
everything that Postern stores about a person except hashes, and so answers a request for access
(GDPR, article 15). The log is separate: it contains the public_id, but no address.

If the items of the account contradict each other, the contradiction is printed too, and commands
that change the user refuse.

Examples:
  admin users show ada@example.com --stack postern
  admin users show 4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55 --json --stack postern";

pub(super) const DISABLE: &str = "\
Log-ins are rejected, and all sessions end at once. They stay ended when the user is enabled again.

Example:
  admin users disable ada@example.com --stack postern";

pub(super) const ENABLE: &str = "\
The user can log in again. Sessions that were ended stay ended.

Example:
  admin users enable ada@example.com --stack postern";

pub(super) const DELETE: &str = "\
Deletes the user, the credentials and all sessions. The address can then be used again. Deleting the
account is also the only remedy for a forgotten password, because Postern sends no mail.

The command asks for confirmation unless --yes is given.

Examples:
  admin users delete ada@example.com --stack postern
  admin users delete --yes 4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55 --stack postern";

pub(super) const GROUPS: &str = "\
In the strict profile, members of the group `admin` may list users (LIST_USERS_GROUP).

Name, address, groups and claims of a user must not exceed 2150 bytes together.

Examples:
  admin users groups ada@example.com add admin --stack postern
  admin users groups ada@example.com remove admin --stack postern";

pub(super) const CLAIMS: &str = "\
A VALUE that is JSON is stored as JSON, and any other text as a string, unless it starts with {, [
or a quotation mark. JWT_CLAIMS chooses the claims that tokens contain. Names that tokens use
already are reserved. `clear` removes all claims, also stored ones that are not valid.

Name, address, groups and claims of a user must not exceed 2150 bytes together.

Examples:
  admin users claims ada@example.com set department research --stack postern
  admin users claims ada@example.com set level 3 --stack postern
  admin users claims ada@example.com set code '\"007\"' --stack postern      # a string
  admin users claims ada@example.com unset department --stack postern
  admin users claims ada@example.com clear --stack postern";

pub(super) const LOG_OUT: &str = "\
Ends all sessions of the user, or one. Their tokens are rejected from the next request on.

--all ends all sessions of all users, for example after a leak. It asks for confirmation unless
--yes is given. If it is interrupted, run it again.

Examples:
  admin users log-out ada@example.com --stack postern
  admin users log-out ada@example.com --session YJc1…Zq4 --stack postern
  admin users log-out --all --stack postern";

pub(super) const THROTTLE: &str = "\
A user who gets 429 for 30 seconds to 15 minutes nearly always waits because of their own wrong
passwords from one address. Reset that counter with --address.

Counters are stored under hashes. For a user, these can be found: the guesses at the account from
all clients, the user's own wrong passwords in each session, and, with --address, the guesses from
that address. For a client address: its guesses at all accounts, and its sign-ups.

The counters of devices cannot be found, because their hash includes a secret of the browser. They
end with a new password.

--reset deletes the counters, so that the user or the client can try again at once. It also removes
the user's exemption at the address of --address, so the limit per account applies there again.

Examples:
  admin users throttle ada@example.com --address 192.0.2.7 --stack postern
  admin users throttle ada@example.com --address 192.0.2.7 --reset --stack postern
  admin users throttle 2001:db8:1:2::7 --reset --stack postern";

pub(super) const COUNT: &str = "\
Reads the whole table. --legacy reads Credentials and counts password hashes by scheme and cost.
While hashes of another system exist, LEGACY_HASHES should name their schemes, and should be removed
when none is left.

Examples:
  admin users count --stack postern
  admin users count --legacy --stack postern";

pub(super) const IMPORT: &str = "\
Examples:
  admin users import users.jsonl --from jsonl --dry-run --stack postern
  admin users import users.db --from flask --stack postern
  admin users import users.json --from firebase --firebase-hash-config hash.txt --stack postern

Users that exist are left as they are, so an import that was interrupted is completed by
running it again. Rejected rows are listed, and the exit code is then 1.
docs/reference/import-format.md describes the formats.";

pub(super) const EXPORT: &str = "\
The formats are
  jsonl    what `admin users import --from jsonl` reads, if it is written with --with-hashes
  csv      for spreadsheets; cells that would be formulas start with an apostrophe
  cognito  the CSV file of a user import job; hashes must be Argon2id up to m=19456,t=2,p=1
  kratos   identities for `kratos import identities`

Without --with-hashes, password hashes are not read, so the file is no backup. Hashes are enough to
guess passwords offline: they are not written to a terminal, and a FILE has mode 0600. FILE gets its
name when it is complete, so a failure leaves an older FILE as it is.

Users that cannot be exported are listed on standard error, and the exit status is then 1. With
--json, the summary is JSON: on standard output if there is a FILE, otherwise on standard error.

Examples:
  admin users export --to jsonl --output users.jsonl --stack postern
  admin users export --to jsonl --with-hashes --output backup.jsonl --stack postern
  admin users export --to cognito --with-hashes --output cognito.csv --stack postern
  admin users export --to csv --stack postern | wc -l";
