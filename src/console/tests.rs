use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::ledger::chain::{ChainId, Head, append, canonical};

fn now() -> Timestamp {
    "2026-11-26T10:00:00Z".parse().unwrap()
}

#[derive(Debug)]
struct Nothing;

impl Facts for Nothing {
    fn in_force(&self) -> Option<InForce> {
        None
    }

    fn certificates(&self) -> Vec<(&'static str, Timestamp)> {
        vec![("serving", now())]
    }
}

/// Ann may look, Bob may not, and nobody else is known.
#[derive(Debug)]
struct AnnAndBob;

impl Viewers for AnnAndBob {
    fn look<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Seen, String>> {
        Box::pin(async move {
            match token {
                "anns" => Ok(Seen::Allowed("ann".to_owned())),
                "bobs" => Ok(Seen::Forbidden("bob".to_owned())),
                "away" => Err("nobody there".to_owned()),
                _ => Ok(Seen::Unknown),
            }
        })
    }
}

const HOSTILE: &str = "<script>document.title='run'</script>\"'><img src=x onerror=alert(1)>javascript:alert(1)\u{202e}";

fn decision(members: &Value) -> Value {
    let mut record = json!({
        "boot": "b", "cluster": "", "replica": "r", "schema": "podgate.dev/decision/v1", "time": "2026-11-26T09:00:00Z",
        "decision": "denied", "decisionId": "7f3k-92", "operation": "CREATE", "incident": "0123456789abcdef",
        "object": {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "shop", "uid": "u"},
        "user": {"name": "ann", "uid": "1", "groups": ["devs"]}, "policySet": {"digest": "sha256:0", "generation": 1},
        "violations": [{"policy": "p", "rule": "privileged", "path": "spec.a", "found": "true", "allowed": "false", "fix": "remove it"}],
    });
    for (key, value) in members.as_object().cloned().unwrap_or_default() {
        record[key] = value;
    }
    record
}

async fn store(decisions: &[Value]) -> Store {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let (mut lines, mut head) = (Vec::new(), Head::START);
    for decision in decisions {
        append(&mut lines, &mut head, canonical(decision.as_object().unwrap()).unwrap().as_bytes());
    }
    let chain = ChainId { replica: "r".to_owned(), boot: "b".to_owned() };
    store.append(&chain, std::str::from_utf8(&lines).unwrap()).await.unwrap();
    store
}

fn console(store: Store, viewers: Option<Arc<dyn Viewers>>) -> Router {
    router(Arc::new(Console::new(store, Arc::new(Nothing), viewers, now)))
}

async fn get(console: &Router, path: &str) -> Response {
    let request = Request::get(path).header(header::HOST, "localhost:8090").body(Body::empty());
    console.clone().oneshot(request.unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

const PAGES: [&str; 8] = [
    "/",
    "/incidents",
    "/policies",
    "/exceptions",
    "/health",
    "/decisions/7f3k-92",
    "/api/decisions",
    "/export/jsonl",
];

#[tokio::test]
async fn every_page_is_there_and_lets_a_browser_do_nothing_else() {
    let console = console(store(&[decision(&json!({}))]).await, None);
    for path in PAGES {
        let response = get(&console, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'")
                && !policy.contains("script"),
            "{policy}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        let page = text(response).await;
        assert!(
            !page.contains("<script") && !page.contains("http://") && !page.contains("https://"),
            "{path}"
        );
        assert!(page.len() < 60_000, "{path}: {}", page.len());
        if page.starts_with("<!doctype html>") {
            for landmark in [
                "<html lang=\"en\">",
                "class=\"skip\"",
                "<main id=\"main\"",
                "<h1",
                "<nav aria-label",
            ] {
                assert!(page.contains(landmark), "{path}: {landmark}");
            }
            assert_eq!(page.matches("<h1").count(), 1, "{path}");
            assert_eq!(
                page.matches("<input").count() + page.matches("<select").count(),
                page.matches("<label").count(),
                "{path}"
            );
        }
    }
    for path in ["/decisions/none-00", "/nowhere", "/export/xml"] {
        assert_eq!(get(&console, path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let style = get(&console, "/style.css").await;
    assert!(style.headers()["cache-control"].to_str().unwrap().contains("max-age"));
}

#[tokio::test]
async fn nothing_that_somebody_wrote_becomes_markup() {
    let hostile = json!({
        "decisionId": HOSTILE, "decision": HOSTILE, "incident": HOSTILE, "images": [HOSTILE], "failure": HOSTILE, "note": HOSTILE,
        "object": {"apiVersion": HOSTILE, "kind": HOSTILE, "name": HOSTILE, "namespace": HOSTILE, "uid": HOSTILE},
        "owner": {"kind": HOSTILE, "name": HOSTILE, "uid": HOSTILE}, "subresource": HOSTILE, "operation": HOSTILE,
        "user": {"name": HOSTILE, "uid": HOSTILE, "groups": [HOSTILE]}, "policySet": {"digest": HOSTILE, "generation": 1},
        "violations": [{"policy": HOSTILE, "rule": HOSTILE, "path": HOSTILE, "found": HOSTILE, "allowed": HOSTILE, "fix": HOSTILE, "exception": HOSTILE}],
        "fixes": [{"policy": HOSTILE, "rule": HOSTILE, "path": HOSTILE, "value": HOSTILE}],
    });
    let console = console(store(&[decision(&hostile)]).await, None);
    let encoded = params::encode(HOSTILE);
    let decision = format!("/decisions/{encoded}");
    let filtered = format!("/?name={encoded}&since={encoded}&namespace={encoded}");
    for path in ["/", "/incidents", "/policies", "/exceptions", "/health", &decision, &filtered] {
        let page = text(get(&console, path).await).await;
        assert!(page.contains("&#60;script&#62;") || !page.contains("script"), "{path}: {page}");
        for raw in ["<script", "<img", "'>", "\"'", "href=\"javascript:"] {
            let without_ours = page.replace("data:", "");
            assert!(!without_ours.contains(raw), "{path}: {raw}");
        }
    }
}

#[tokio::test]
async fn filters_in_the_url_narrow_list_timeline_and_export() {
    let of = |namespace: &str, outcome: &str| {
        decision(
            &json!({"decision": outcome, "object": {"kind": "Pod", "name": "a", "namespace": namespace}}),
        )
    };
    let console = console(
        store(&[of("shop", "denied"), of("payments", "warned"), of("payments", "denied")]).await,
        None,
    );
    for (query, count) in [
        ("", 3),
        ("namespace=payments", 2),
        ("namespace=pay*&decision=denied", 1),
        ("decision=denied%2Cwarned", 3),
        ("rule=none", 0),
        ("until=2h", 0),
        ("since=2026-11-26T09:00:01Z", 0),
        ("dry-run=true", 0),
    ] {
        let page = text(get(&console, &format!("/?{query}")).await).await;
        assert_eq!(page.matches("class=\"time\"").count(), count, "{query}");
        let drawn = usize::from(count != 0);
        assert!(page.matches("<rect").count() >= drawn, "{query}");
        let exported = text(get(&console, &format!("/export/jsonl?{query}")).await).await;
        assert_eq!(exported.lines().count(), count, "{query}");
        let api: Value = serde_json::from_str(
            &text(get(&console, &format!("/api/decisions?{query}")).await).await,
        )
        .unwrap();
        assert_eq!(api["items"].as_array().unwrap().len(), count, "{query}");
    }
    let page = text(get(&console, "/?since=soon").await).await;
    assert!(page.contains("role=\"alert\"") && page.contains("since is"), "{page}");
}

#[tokio::test]
async fn incidents_are_narrowed_by_the_same_filter_and_go_further_back() {
    let of = |namespace: &str, incident: &str, time: &str| {
        let object = json!({"kind": "Pod", "name": "a", "namespace": namespace});
        decision(&json!({"object": object, "incident": incident, "time": time}))
    };
    let console = console(
        store(&[
            of("shop", "1", "2026-11-01T00:00:00Z"),
            of("shop", "2", "2026-11-26T09:00:00Z"),
            of("payments", "3", "2026-11-26T09:00:00Z"),
        ])
        .await,
        None,
    );
    for (query, count) in
        [("", 3), ("since=24h", 2), ("namespace=payments", 1), ("decision=warned", 0)]
    {
        let page = text(get(&console, &format!("/incidents?{query}")).await).await;
        assert_eq!(page.matches("incident=").count(), count, "{query}");
        assert!(page.contains("action=\"/incidents\"") && page.contains("placeholder=\"30d\""));
    }
    let page = text(get(&console, "/incidents?since=soon").await).await;
    assert!(page.contains("role=\"alert\"") && page.contains("since is"), "{page}");
}

#[tokio::test]
async fn what_was_lost_is_told_with_its_reason() {
    let gap = json!({"boot": "b", "cluster": "", "replica": "r", "schema": "podgate.dev/gap/v1", "time": "2026-11-26T09:01:00Z",
        "count": 17, "reason": "the spool: no space left", "since": "2026-11-26T09:00:00Z"});
    let lost = text(get(&console(store(&[gap]).await, None), "/health").await).await;
    for part in ["17", "the spool: no space left", "2026-11-26 09:00:00", "2026-11-26 09:01:00"] {
        assert!(lost.contains(part), "{part}: {lost}");
    }
    let none = console(store(&[decision(&json!({}))]).await, None);
    assert!(text(get(&none, "/health").await).await.contains("None was, as far as podgate knows."));
}

#[tokio::test]
async fn a_long_list_comes_in_pages_that_keep_the_filter() {
    let all: Vec<Value> = (0..120).map(|_| decision(&json!({}))).collect();
    let console = console(store(&all).await, None);
    let (mut path, mut seen, mut pages) = ("/?namespace=shop".to_owned(), 0, 0);
    loop {
        let page = text(get(&console, &path).await).await;
        seen += page.matches("class=\"time\"").count();
        pages += 1;
        let Some((_, rest)) = page.split_once("<a rel=\"next\" href=\"") else { break };
        path = rest.split('"').next().unwrap().replace("&#38;", "&");
        assert!(path.contains("namespace=shop"), "{path}");
    }
    assert_eq!((seen, pages), (120, 3));
    let csv = text(get(&console, "/export/csv").await).await;
    assert_eq!(csv.lines().filter(|line| line.starts_with("time,")).count(), 1);
    assert_eq!(csv.lines().count(), 121);
}

#[tokio::test]
async fn without_a_cluster_only_this_machine_is_answered() {
    let console = console(store(&[decision(&json!({}))]).await, None);
    for (host, status) in [
        ("127.0.0.1:1", 200),
        ("[::1]:1", 200),
        ("localhost", 200),
        ("evil.example:8090", 421),
        ("localhost.evil", 421),
    ] {
        let request = Request::get("/").header(header::HOST, host).body(Body::empty()).unwrap();
        let response = console.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{host}");
        if status == 421 {
            assert!(!text(response).await.contains("7f3k-92"));
        }
    }
}

async fn with_token(console: &Router, path: &str, token: &str) -> Response {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    console.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn in_a_cluster_nothing_is_shown_to_whoever_may_not_look() {
    let console = console(store(&[decision(&json!({}))]).await, Some(Arc::new(AnnAndBob)));
    for path in PAGES {
        let refused = get(&console, path).await;
        let to = refused.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
        let open = path.starts_with("/api") || path.starts_with("/export");
        // A person is led to the form, a program is told.
        let unknown = if open { 401 } else { 303 };
        assert_eq!(refused.status().as_u16(), unknown, "{path}");
        assert_eq!(to.as_deref(), if open { None } else { Some("/sign-in") }, "{path}");
        for (token, status) in [("bobs", 403), ("away", 503), ("strangers", unknown)] {
            let refused = with_token(&console, path, token).await;
            assert_eq!(refused.status(), status, "{path} {token}");
            assert!(!text(refused).await.contains("7f3k-92"), "{path} {token}");
        }
        let shown = with_token(&console, path, "anns").await;
        assert_eq!(shown.status(), StatusCode::OK, "{path}");
    }
    // What is known of no token is not known of another.
    assert_eq!(with_token(&console, "/", "bobs").await.status(), StatusCode::FORBIDDEN);
}

async fn post(console: &Router, path: &str, body: &str, headers: &[(&str, &str)]) -> Response {
    let mut request =
        Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    console.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

#[tokio::test]
async fn one_signs_in_and_out_with_a_cookie_that_holds_no_token() {
    let console = console(store(&[decision(&json!({}))]).await, Some(Arc::new(AnnAndBob)));
    for (token, status) in [("", 400), ("strangers", 401), ("bobs", 403), ("away", 503)] {
        let refused = post(&console, "/sign-in", &format!("token={token}"), &[]).await;
        assert_eq!(refused.status(), status, "{token}");
        assert!(refused.headers().get(header::SET_COOKIE).is_none(), "{token}");
    }
    let elsewhere =
        post(&console, "/sign-in", "token=anns", &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(elsewhere.status(), StatusCode::FORBIDDEN);
    let welcome =
        post(&console, "/sign-in", "token=anns", &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(welcome.status(), StatusCode::SEE_OTHER);
    let cookie = welcome.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("anns"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let request = |path: &str| {
        Request::get(path).header(header::COOKIE, session).body(Body::empty()).unwrap()
    };
    let page = text(console.clone().oneshot(request("/")).await.unwrap()).await;
    assert!(page.contains("7f3k-92") && page.contains("<span>ann</span>"), "{page}");
    let _ = post(&console, "/sign-out", "", &[("cookie", session)]).await;
    let after = console.clone().oneshot(request("/")).await.unwrap();
    assert_eq!(after.status(), StatusCode::SEE_OTHER);
}

/// Contrast of text on paper, by the formula of WCAG 2: AA asks for 4.5.
#[test]
fn texts_can_be_read_in_light_and_dark() {
    let style = include_str!("style.css");
    let schemes: Vec<&str> = style.split("--paper:").skip(1).collect();
    assert_eq!(schemes.len(), 2);
    for scheme in schemes {
        let scheme = format!("--paper:{}", scheme.split('}').next().unwrap());
        let color = |name: &str| {
            let (_, rest) = scheme.split_once(&format!("--{name}: #")).unwrap();
            u32::from_str_radix(&rest[..6], 16).unwrap()
        };
        for ground in ["paper", "raised"] {
            for ink in [
                "ink", "soft", "accent", "denied", "failed", "warned", "fixed", "excepted",
                "allowed",
            ] {
                let contrast = contrast(color(ink), color(ground));
                assert!(contrast >= 4.5, "{ink} on {ground}: {contrast}");
            }
        }
        assert!(contrast(color("on-accent"), color("accent")) >= 4.5);
    }
}

fn contrast(one: u32, other: u32) -> f64 {
    let luminance = |color: u32| {
        let part = |shift: u32| {
            let value = f64::from(color >> shift & 0xff) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
