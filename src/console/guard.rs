//! What stands before every page: who looks, and what a browser may do with it.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::sessions::Token;
use super::views::{Frame, Message, SignIn, page};
use super::{Console, Seen};

/// Nothing but our own style sheet and pictures in it, and nobody may put a page into theirs.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";
/// The cookie of a session; its name binds it to this host and to TLS.
const COOKIE: &str = "__Host-podgate";
/// What is there for whoever has not signed in.
const OPEN: [&str; 2] = ["/style.css", "/sign-in"];
/// A token is some kilobytes at most.
const TOKEN_LIMIT: usize = 16 * 1024;

/// Who looks, as a request carries it on.
#[derive(Debug, Clone)]
pub(super) struct Viewer(pub(super) Option<String>);

/// Lets those pass who may look.
pub(super) async fn guard(
    State(console): State<Arc<Console>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut response = match admit(&console, &parts).await {
        Ok(viewer) => {
            parts.extensions.insert(viewer);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => *refusal,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn admit(console: &Console, request: &Parts) -> Result<Viewer, Box<Response>> {
    let headers = &request.headers;
    if !matches!(request.method, Method::GET | Method::HEAD) && is_from_elsewhere(headers) {
        let text = "Another site sent this request.";
        return Err(refuse(StatusCode::FORBIDDEN, "Not from here", text).into());
    }
    let path = request.uri.path();
    let Some(viewers) = &console.viewers else {
        // A name that somebody else has led here must not make a browser show them what is here.
        if !is_this_machine(headers) {
            let text = "Without a cluster the console answers to localhost alone.";
            return Err(refuse(StatusCode::MISDIRECTED_REQUEST, "Wrong name", text).into());
        }
        return Ok(Viewer(None));
    };
    if OPEN.contains(&path) {
        return Ok(Viewer(None));
    }
    let now = (console.clock)();
    let Some(token) = token(console, headers) else { return Err(unknown(path).into()) };
    match console.sessions.look(viewers, &token, now).await {
        Ok(Seen::Allowed(user)) => Ok(Viewer(Some(user))),
        Ok(Seen::Forbidden(user)) => Err(forbidden(&user).into()),
        Ok(Seen::Unknown) => Err(unknown(path).into()),
        Err(error) => {
            tracing::warn!(error, "the cluster cannot be asked who may look");
            let text = "The cluster does not say who you are. The log of podgate says why.";
            Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "Nobody can be asked", text).into())
        }
    }
}

/// A person is led to where a token is asked for; a program is told that it needs one.
fn unknown(path: &str) -> Response {
    if path.starts_with("/api/") || path.starts_with("/export/") {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    Redirect::to("/sign-in").into_response()
}

fn forbidden(user: &str) -> Response {
    let text = format!("{user} may not get ledger.podgate.dev: a cluster role must allow it.");
    refuse(StatusCode::FORBIDDEN, "Not for you", &text)
}

fn refuse(status: StatusCode, heading: &str, text: &str) -> Response {
    let message =
        Message { frame: Frame::closed(), heading: heading.to_owned(), text: text.to_owned() };
    (status, page(&message)).into_response()
}

/// Browsers say where a request comes from; programs say nothing.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

fn is_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| {
        let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        let name = name.map_or(host, |(name, _)| name);
        matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    })
}

/// The token that a request carries, or that its session has.
fn token(console: &Console, headers: &HeaderMap) -> Option<Token> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(token) = authorization.and_then(|value| value.strip_prefix("Bearer ")) {
        return Some(Token(token.trim().to_owned()));
    }
    console.sessions.token(session(headers)?, (console.clock)())
}

fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// The form.
pub(super) async fn sign_in_page() -> Response {
    page(&SignIn { frame: Frame::closed(), problem: None }).into_response()
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Given {
    token: String,
}

/// Begins a session for whoever may look.
pub(super) async fn sign_in(
    State(console): State<Arc<Console>>,
    Form(given): Form<Given>,
) -> Response {
    let Some(viewers) = &console.viewers else { return Redirect::to("/").into_response() };
    let token = Token(given.token.trim().to_owned());
    let told = |status: StatusCode, problem: &str| {
        let form = SignIn { frame: Frame::closed(), problem: Some(problem.to_owned()) };
        (status, page(&form)).into_response()
    };
    if token.0.is_empty() || token.0.len() > TOKEN_LIMIT {
        return told(StatusCode::BAD_REQUEST, "That is no token.");
    }
    let now = (console.clock)();
    match console.sessions.look(viewers, &token, now).await {
        Ok(Seen::Allowed(_)) => {}
        Ok(Seen::Forbidden(user)) => return forbidden(&user),
        Ok(Seen::Unknown) => {
            return told(
                StatusCode::UNAUTHORIZED,
                "The cluster does not know this token: it may have expired.",
            );
        }
        Err(error) => {
            tracing::warn!(error, "the cluster cannot be asked who may look");
            return told(StatusCode::SERVICE_UNAVAILABLE, "The cluster cannot be asked now.");
        }
    }
    let Some(id) = console.sessions.begin(token, now) else {
        return told(StatusCode::INTERNAL_SERVER_ERROR, "No session could be made.");
    };
    let cookie = format!("{COOKIE}={id}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=3600");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

/// Ends the session.
pub(super) async fn sign_out(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    if let Some(id) = session(&headers) {
        console.sessions.end(id);
    }
    let cookie = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response()
}
