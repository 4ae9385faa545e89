//! A fake of the two calls to CloudFormation and STS (AWS query protocol, XML).

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;

/// The ARN that STS returns.
pub(crate) const CALLER: &str = "arn:aws:sts::123456789012:assumed-role/operations/ada";

pub(crate) struct FakeAws {
    pub(crate) url: String,
}

/// What the calls return.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    Postern,
    /// A stack without outputs.
    Other,
    Denied,
}

impl FakeAws {
    pub(crate) async fn start(stack: Stack) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::new(stack));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url }
    }

    /// The variables that direct the program to this fake, and DynamoDB to `database`.
    pub(crate) fn variables<'a>(&'a self, database: &'a str) -> [(&'static str, &'a str); 6] {
        [
            ("AWS_ENDPOINT_URL_CLOUDFORMATION", &self.url),
            ("AWS_ENDPOINT_URL_STS", &self.url),
            ("AWS_ENDPOINT_URL_DYNAMODB", database),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "none"),
            ("AWS_SECRET_ACCESS_KEY", "none"),
        ]
    }
}

async fn answer(State(stack): State<Arc<Stack>>, body: String) -> Response {
    let parameter = |name: &str| body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    match (parameter("Action"), *stack) {
        (_, Stack::Denied) => {
            let text = "User: arn:aws:iam::123456789012:user/eve is not authorized to perform this action";
            error(StatusCode::FORBIDDEN, "AccessDenied", text)
        }
        (Some("GetCallerIdentity"), _) => xml(&format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>{CALLER}</Arn><UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
             </GetCallerIdentityResponse>"
        )),
        (Some("DescribeStacks"), stack) if parameter("StackName") == Some("postern") => {
            let tables = ["Users", "Credentials", "Sessions", "Throttle"].into_iter().map(|table| {
                format!("<member><OutputKey>{table}TableName</OutputKey><OutputValue>{table}</OutputValue></member>")
            });
            let outputs: String = if stack == Stack::Postern { tables.collect() } else { String::new() };
            xml(&format!(
                "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
                 <DescribeStacksResult><Stacks><member><StackName>postern</StackName>\
                 <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
                 <Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
            ))
        }
        _ => error(StatusCode::BAD_REQUEST, "ValidationError", "Stack does not exist"),
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
    (status, [("content-type", "text/xml")], body).into_response()
}

fn xml(body: &str) -> Response {
    ([("content-type", "text/xml")], body.to_owned()).into_response()
}
