//! Where Postern runs.

/// Whether Postern is deployed or runs on the developer's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// Deployed: behind HTTPS. Anything that is not certainly a local run.
    Aws,
    /// With a DynamoDB on the same machine, which includes the host of a container, and plain HTTP. The development
    /// key and key files are accepted, and cookies are not `Secure`.
    Loopback,
}
