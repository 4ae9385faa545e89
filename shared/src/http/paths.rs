//! The routes of the three functions.

pub use crate::domain::paths::{
    CHANGE_PASSWORD, JWKS, LOG_IN, LOG_OUT, ME, OPENID_CONFIGURATION, PASSWORD, REFRESH, SESSION, SESSIONS, SIGN_UP,
    START, USERS,
};

/// A Lambda function of Postern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Signs users up.
    SignUp,
    /// Logs users in, and everything that needs credentials, signing keys or sessions.
    LogIn,
    /// Lists users, and also handles the paths of no route.
    ListUsers,
}

impl Function {
    /// The name of its crate and binary.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignUp => "signup",
            Self::LogIn => "login",
            Self::ListUsers => "list-users",
        }
    }
}

/// A route: a path, its methods, and the function that handles them. A path may have a route in two functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The path. [`LOG_IN`] stands for the path in `JWT_AUTH_URL_RULE`.
    pub path: &'static str,
    /// The methods. `HEAD` comes with `GET`, and every route answers `OPTIONS`.
    pub methods: &'static [&'static str],
    /// The function that handles them.
    pub function: Function,
}

/// Every route. The routers, `template.yaml`, the router of `cargo lambda watch` and `openapi.yaml` agree with it,
/// which a test checks.
pub const ROUTES: &[Route] = &[
    Route { path: START, methods: &["GET"], function: Function::LogIn },
    Route { path: SIGN_UP, methods: &["GET", "POST"], function: Function::SignUp },
    Route { path: LOG_IN, methods: &["GET", "POST"], function: Function::LogIn },
    Route { path: REFRESH, methods: &["GET", "POST"], function: Function::LogIn },
    Route { path: LOG_OUT, methods: &["POST"], function: Function::LogIn },
    Route { path: PASSWORD, methods: &["POST"], function: Function::LogIn },
    Route { path: SESSIONS, methods: &["GET"], function: Function::LogIn },
    Route { path: SESSION, methods: &["DELETE", "POST"], function: Function::LogIn },
    Route { path: USERS, methods: &["GET"], function: Function::ListUsers },
    Route { path: ME, methods: &["GET"], function: Function::ListUsers },
    Route { path: ME, methods: &["DELETE", "POST"], function: Function::LogIn },
    Route { path: JWKS, methods: &["GET"], function: Function::LogIn },
    Route { path: OPENID_CONFIGURATION, methods: &["GET"], function: Function::LogIn },
    Route { path: CHANGE_PASSWORD, methods: &["GET"], function: Function::LogIn },
];

/// The methods of a path in all functions together, sorted, with `HEAD` where there is `GET`.
///
/// ```
/// use shared::http::paths;
///
/// assert_eq!(paths::methods(paths::ME), ["DELETE", "GET", "HEAD", "POST"]);
/// ```
pub fn methods(path: &str) -> Vec<&'static str> {
    let routes = ROUTES.iter().filter(|route| route.path == path);
    let mut methods: Vec<_> = routes.flat_map(|route| route.methods).copied().collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods
}
