//! Where Postern runs.

/// Whether Postern runs on AWS or on the developer's own machine, as the address of its database tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// On AWS, behind HTTPS.
    Aws,
    /// With a DynamoDB on the loopback interface and plain HTTP. The development key and key files are accepted, and
    /// cookies are not `Secure`.
    Loopback,
}
