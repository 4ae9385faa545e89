//! The table of routes and everything that repeats it: the routers, `template.yaml`, the router of `cargo lambda watch`
//! and `openapi.yaml`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use axum::{
    Router,
    body::{self, Body},
    extract::Request,
    http::{Method, StatusCode, header::ALLOW},
};
use list_users::ListUsers;
use local::{cors, database, service};
use login::Login;
use serde_yaml_ng::Value;
use shared::{
    aws::store,
    config::{Settings, clock::Clock},
    domain::paths::RESERVED,
    http::{
        paths::{self, Function, ROUTES},
        service::service as with_middleware,
    },
};
use signup::Signup;
use testkit::service::{signing_keys, verifying_keys};
use tower::ServiceExt as _;

/// No request here gets as far as the database.
const NO_DATABASE: &str = "http://127.0.0.1:1";

const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

fn settings() -> Settings {
    let read = |name: &str| (name == "JWT_ISSUER").then(|| "https://auth.example".into());
    service::settings(read, NO_DATABASE).unwrap()
}

async fn client() -> Client {
    store::connect(&database::connection(NO_DATABASE).await)
}

/// The router of a function, with the middleware that all functions share.
async fn router(function: Function) -> Router {
    let (settings, client, clock) = (settings(), client().await, Clock::system());
    let routes = match function {
        Function::SignUp => signup::routes(Signup::new(&settings.signup().unwrap(), client, clock).unwrap()),
        Function::LogIn => login::routes(Login::new(settings.login().unwrap(), signing_keys(), client, clock).unwrap()),
        Function::ListUsers => {
            list_users::routes(ListUsers::new(settings.list_users().unwrap(), verifying_keys(), client, clock))
        }
    };
    with_middleware(routes, (&settings).into())
}

/// Status, `Allow` as a set, and the text of the body.
async fn ask(router: &Router, method: &Method, path: &str) -> (StatusCode, BTreeSet<String>, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let allow = parts.headers.get(ALLOW).map(|value| value.to_str().unwrap()).unwrap_or_default();
    let allow = allow.split(',').filter(|method| !method.is_empty()).map(|method| method.trim().to_owned()).collect();
    let body = body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, allow, String::from_utf8(body.into()).unwrap())
}

/// The methods of a path in a function, with `HEAD` where there is `GET`.
fn methods_of(function: Function, path: &str) -> BTreeSet<String> {
    let routes = ROUTES.iter().filter(|route| route.path == path && route.function == function);
    let mut methods: BTreeSet<_> = routes.flat_map(|route| route.methods).map(|method| (*method).to_owned()).collect();
    if methods.contains("GET") {
        methods.insert("HEAD".to_owned());
    }
    methods
}

fn all_paths() -> BTreeSet<&'static str> {
    ROUTES.iter().map(|route| route.path).collect()
}

/// The functions of a path. The first one handles `GET`, or else every method.
fn functions_of(path: &str) -> Vec<Function> {
    let mut routes: Vec<_> = ROUTES.iter().filter(|route| route.path == path).collect();
    routes.sort_by_key(|route| !route.methods.contains(&"GET"));
    routes.iter().map(|route| route.function).collect()
}

#[tokio::test]
async fn each_router_has_exactly_the_routes_of_its_function() {
    for function in [Function::SignUp, Function::LogIn, Function::ListUsers] {
        let router = router(function).await;
        for path in all_paths() {
            let methods = methods_of(function, path);
            let what = format!("{} {path}", function.name());
            if methods.is_empty() {
                let (status, _, body) = ask(&router, &Method::GET, path).await;
                assert_eq!((status, body.contains("\"not-found\"")), (StatusCode::NOT_FOUND, true), "{what}");
                continue;
            }
            // `GET /user/me` and its `Allow` belong to list-users, which therefore names the methods of login too.
            let allowed = if (function, path) == (Function::ListUsers, paths::ME) {
                paths::methods(path).into_iter().map(str::to_owned).collect()
            } else {
                methods.clone()
            };
            let (status, allow, _) = ask(&router, &Method::OPTIONS, path).await;
            assert_eq!((status, &allow), (StatusCode::NO_CONTENT, &allowed), "{what}");
            for method in METHODS {
                let (status, allow, body) = ask(&router, &method, path).await;
                let has_route = methods.contains(method.as_str());
                assert_eq!(status != StatusCode::METHOD_NOT_ALLOWED, has_route, "{method} {what}: {status} {body}");
                assert!(status.as_u16() < 500 && status != StatusCode::NOT_FOUND, "{method} {what}: {status} {body}");
                assert!(has_route || allow == allowed, "{method} {what}: {allow:?}");
            }
        }
    }
}

#[test]
fn a_custom_log_in_path_cannot_be_the_path_of_another_route() {
    let others: BTreeSet<_> = all_paths().into_iter().filter(|path| *path != paths::LOG_IN).collect();
    assert_eq!(BTreeSet::from(RESERVED), others);
}

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_yaml_ng::from_str(&file(name)).unwrap()
}

/// A scalar, also that of a tag such as `!Sub`.
fn text(value: &Value) -> &str {
    match value {
        Value::Tagged(tagged) => text(&tagged.value),
        value => value.as_str().unwrap_or_else(|| panic!("not a string: {value:?}")),
    }
}

/// `template.yaml`.
struct Template(Value);

impl Template {
    fn read() -> Self {
        Self(yaml("template.yaml"))
    }

    /// The properties of all resources of a type.
    fn resources(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let resources = self.0["Resources"].as_mapping().unwrap().values();
        resources.filter(move |resource| resource["Type"] == kind).map(|resource| &resource["Properties"])
    }

    /// A text with the default of the parameter `LoginPath`.
    fn with_log_in_path(&self, text: &str) -> String {
        text.replace("${LoginPath}", self.0["Parameters"]["LoginPath"]["Default"].as_str().unwrap())
    }

    /// The binary of the function that the integration `integrations/${NAME}` calls.
    fn binary_of_target(&self, target: &str) -> &str {
        let integration = target.trim_start_matches("integrations/${").trim_end_matches('}');
        let uri = &self.0["Resources"][integration]["Properties"]["IntegrationUri"];
        self.binary(text(uri).trim_end_matches(".Arn"))
    }

    fn binary(&self, function: &str) -> &str {
        text(&self.0["Resources"][function]["Metadata"]["BuildProperties"]["Binary"])
    }
}

/// The routes of API Gateway, with the names of their functions: one for any method of each path, one for each method
/// that another function handles, and the one for the other paths.
fn gateway_routes() -> BTreeMap<String, &'static str> {
    let mut routes = BTreeMap::from([("$default".to_owned(), Function::ListUsers.name())]);
    for path in all_paths() {
        let functions = functions_of(path);
        routes.insert(format!("ANY {path}"), functions[0].name());
        for function in &functions[1..] {
            routes
                .extend(methods_of(*function, path).iter().map(|method| (format!("{method} {path}"), function.name())));
        }
    }
    routes
}

#[test]
fn the_template_has_a_route_and_a_permission_for_each_path() {
    let template = Template::read();
    let routes: BTreeMap<_, _> = template
        .resources("AWS::ApiGatewayV2::Route")
        .map(|route| {
            let key = template.with_log_in_path(text(&route["RouteKey"]));
            (key, template.binary_of_target(text(&route["Target"])))
        })
        .collect();
    assert_eq!(routes, gateway_routes());
    let permissions: BTreeMap<_, _> = template
        .resources("AWS::Lambda::Permission")
        .map(|permission| {
            // arn:…:${HttpApi}/STAGE/METHOD/PATH, and for the other paths …/STAGE/$default.
            let arn = template.with_log_in_path(text(&permission["SourceArn"]));
            let route = arn.split_once("${HttpApi}/*/").unwrap().1;
            let key = route.split_once('/').map_or_else(
                || route.to_owned(),
                |(method, path)| format!("{} /{}", method.replace('*', "ANY"), path.replace('*', "{id}")),
            );
            (key, template.binary(text(&permission["FunctionName"])))
        })
        .collect();
    assert_eq!(permissions, gateway_routes());
}

#[test]
fn the_template_limits_only_routes_that_exist() {
    let template = Template::read();
    let stage = template.resources("AWS::ApiGatewayV2::Stage").next().unwrap();
    let routes = gateway_routes();
    for key in stage["RouteSettings"].as_mapping().unwrap().keys() {
        assert!(routes.contains_key(text(key)), "{key:?}");
    }
}

#[test]
fn the_template_refuses_a_log_in_path_of_another_route() {
    // The pattern of the parameter excludes the start page, paths below /sessions, and segments like .well-known.
    let is_excluded = |path: &str| [paths::START, paths::SESSION].contains(&path) || path.starts_with("/.");
    let expected: BTreeSet<_> = RESERVED.into_iter().filter(|path| !is_excluded(path)).collect();
    let template = Template::read();
    let Value::Tagged(not) = &template.0["Rules"]["LoginPathIsFree"]["Assertions"][0]["Assert"] else { panic!() };
    let Value::Tagged(contains) = &not.value[0] else { panic!("{not:?}") };
    let refused: BTreeSet<_> = contains.value[0].as_sequence().unwrap().iter().map(text).collect();
    assert_eq!(refused, expected);
}

#[test]
fn local_runs_allow_other_origins_the_same_as_the_template() {
    let template = Template::read();
    let api = template.resources("AWS::ApiGatewayV2::Api").next().unwrap();
    let Value::Tagged(condition) = &api["CorsConfiguration"] else { panic!("{api:?}") };
    let configuration = condition.value[1].as_mapping().unwrap();
    let list = |name: &str| configuration[name].as_sequence().unwrap().iter().map(text).collect::<Vec<_>>().join(",");
    assert_eq!(list("AllowMethods"), cors::ALLOW_METHODS);
    assert_eq!(list("AllowHeaders"), cors::ALLOW_HEADERS);
    assert_eq!(list("ExposeHeaders"), cors::EXPOSE_HEADERS);
    assert_eq!(configuration["MaxAge"].as_u64().map(|seconds| seconds.to_string()).as_deref(), Some(cors::MAX_AGE));
    let names: BTreeSet<_> = configuration.keys().map(text).collect();
    assert_eq!(names, BTreeSet::from(["AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders", "MaxAge"]));
}

#[test]
fn cargo_lambda_watch_has_the_same_routes() {
    let manifest: toml::Table = file("Cargo.toml").parse().unwrap();
    let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"].as_table().unwrap();
    assert_eq!(router.keys().map(String::as_str).collect::<BTreeSet<_>>(), all_paths());
    for (path, target) in router {
        let functions = functions_of(path);
        if let [function] = functions[..] {
            assert_eq!(target.as_str(), Some(function.name()), "{path}");
            continue;
        }
        let found: BTreeSet<_> = target
            .as_array()
            .unwrap_or_else(|| panic!("{path} has several functions"))
            .iter()
            .map(|route| (route["method"].as_str().unwrap(), route["function"].as_str().unwrap()))
            .collect();
        let routes = ROUTES.iter().filter(|route| route.path == path);
        let expected = routes.flat_map(|route| route.methods.iter().map(|method| (*method, route.function.name())));
        assert_eq!(found, expected.collect(), "{path}");
    }
}

#[test]
fn the_api_description_has_the_same_paths_and_methods() {
    let description = yaml("openapi.yaml");
    let described: BTreeMap<_, _> = description["paths"]
        .as_mapping()
        .unwrap()
        .iter()
        .map(|(path, item)| {
            let keys = item.as_mapping().unwrap().keys().map(|key| text(key).to_uppercase());
            let methods = keys.filter(|key| METHODS.iter().any(|method| method == key.as_str()));
            (text(path), methods.collect::<BTreeSet<_>>())
        })
        .collect();
    let methods = |path| paths::methods(path).into_iter().map(str::to_owned).collect();
    assert_eq!(described, all_paths().into_iter().map(|path| (path, methods(path))).collect());
}

#[test]
fn only_list_users_has_the_key_of_an_old_application_and_only_if_there_is_one() {
    let template = Template::read();
    for function in template.resources("AWS::Serverless::Function") {
        let variables = function["Environment"]["Variables"].as_mapping().unwrap();
        let legacy: Vec<_> = variables.keys().map(text).filter(|name| name.starts_with("JWT_LEGACY_")).collect();
        let is_list_users = text(&function["CodeUri"]) == "functions/list-users";
        assert_eq!(!legacy.is_empty(), is_list_users, "{legacy:?}");
    }
    let mut conditions = Vec::new();
    for role in template.resources("AWS::IAM::Role") {
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"].as_sequence().into_iter().flatten() {
            let description = serde_yaml_ng::to_string(statement).unwrap();
            if description.contains("JwtLegacySecretArn") {
                let Value::Tagged(condition) = statement else { panic!("unconditional: {description}") };
                assert!(condition.tag == "!If" && description.contains("secretsmanager:GetSecretValue"));
                assert_eq!(text(&condition.value[1]["Resource"]), "JwtLegacySecretArn");
                conditions.push((text(&role["Description"]), text(&condition.value[0]), text(&condition.value[2])));
            }
        }
    }
    let role = "Permissions of the list-users function.";
    assert_eq!(conditions, [(role, "HasLegacyKey", "AWS::NoValue")]);
}
