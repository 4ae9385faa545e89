//! Where Postern runs.

/// Whether Postern is deployed or runs on the developer's own machine, as derived from `AWS_ENDPOINT_URL_DYNAMODB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// Deployed: behind HTTPS, with any other database than a local one.
    Aws,
    /// With a DynamoDB on the same machine, which includes the host of a container, and plain HTTP. The development
    /// key and key files are accepted, and cookies are not `Secure`.
    Loopback,
}
