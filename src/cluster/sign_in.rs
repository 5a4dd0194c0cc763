//! Who may look at the ledger, as the cluster says: whose token it is, and what its owner may do.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};

/// What one must be allowed to `get`, in the API group of podgate.
const RESOURCE: &str = "ledger";
const GROUP: &str = "podgate.dev";

/// Asks the API server.
#[derive(Clone)]
pub struct SignIn(Client);

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIn")
    }
}

/// What the API server says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Its owner may look.
    Allowed(String),
    /// Its owner may not.
    Forbidden(String),
    /// It is nobody's.
    Unknown,
}

impl SignIn {
    /// Asks through `client`, which must be allowed to create token reviews and subject access reviews.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// Whose token it is, and whether they may look.
    ///
    /// # Errors
    /// Where the API server cannot be asked.
    pub async fn owner(&self, token: &str) -> Result<Owner, String> {
        if token.is_empty() {
            // The API server takes no review of none.
            return Ok(Owner::Unknown);
        }
        let review = TokenReview {
            spec: TokenReviewSpec { token: token.to_owned(), ..TokenReviewSpec::default() },
            ..TokenReview::default()
        };
        let api: Api<TokenReview> = Api::all(self.0.clone());
        let answer = api.create(&PostParams::default(), &review).await;
        // The error of a request may hold what was sent.
        let answer = answer.map_err(|error| format!("token review: {}", without_body(&error)))?;
        let status = answer.status.unwrap_or_default();
        let (true, Some(user)) = (status.authenticated.unwrap_or_default(), status.user) else {
            return Ok(Owner::Unknown);
        };
        let name = user.username.clone().unwrap_or_default();
        let extra = user.extra.map(|extra| extra.into_iter().collect::<BTreeMap<_, _>>());
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: user.username,
                groups: user.groups,
                uid: user.uid,
                extra,
                resource_attributes: Some(ResourceAttributes {
                    group: Some(GROUP.to_owned()),
                    resource: Some(RESOURCE.to_owned()),
                    verb: Some("get".to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(self.0.clone());
        let answer = api.create(&PostParams::default(), &review).await;
        let answer = answer.map_err(|error| format!("access review: {}", without_body(&error)))?;
        let allowed = answer.status.is_some_and(|status| status.allowed);
        Ok(if allowed { Owner::Allowed(name) } else { Owner::Forbidden(name) })
    }
}

fn without_body(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} {}", status.code, status.reason),
        _ => "the API server does not answer".to_owned(),
    }
}
